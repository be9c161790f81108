"""Which state folder `mfpt-edge doctor` looks at, and that a line is printed as it is."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from mfpt_edge.commands.doctor import folder_of
from mfpt_edge.commands.doctor_view import doctor_table
from mfpt_edge.doctor.examination import Examined, Line
from mfpt_edge.storage.device_folder import DeviceFolder, default_folder
from mfpt_shared.languages import LanguageCode

SWAHILI, ZULU = LanguageCode("swh"), LanguageCode("zul")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def test_the_folder_is_that_of_the_language_or_the_one_that_is_named(tmp_path: Path) -> None:
    assert folder_of(None, "radio", SWAHILI) == default_folder("radio", SWAHILI)
    assert folder_of(tmp_path / "own", "radio", SWAHILI) == tmp_path / "own"


def test_without_a_language_it_is_that_of_the_only_device() -> None:
    DeviceFolder(default_folder("radio", SWAHILI)).enrol(SWAHILI)
    assert folder_of(None, "radio", None) == default_folder("radio", SWAHILI)


def test_without_a_language_no_device_is_chosen_where_there_are_several_or_none() -> None:
    above = default_folder("radio", SWAHILI).parent
    assert folder_of(None, "radio", None) == above
    for language in (SWAHILI, ZULU):
        DeviceFolder(default_folder("radio", language)).enrol(language)
    assert folder_of(None, "radio", None) == above


def test_what_a_server_says_is_no_markup_and_moves_no_terminal() -> None:
    line = Line(check="versions", level="warning", found="mfpt [red]9[/red]\x1b[2J", mend="[bold]nothing")
    printed = StringIO()
    Console(file=printed, width=80).print(doctor_table(Examined(lines=(line,), exit_code=0)))
    assert [row.rstrip() for row in printed.getvalue().splitlines()] == [
        "warning  versions  mfpt [red]9[/red][2J",
        "                   -> [bold]nothing",
    ]
