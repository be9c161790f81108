"""Names that a system keeps for its devices, some of which are languages; and the one place that knows the system."""

import re
from pathlib import Path

import pytest

import mfpt_coord
import mfpt_edge
import mfpt_shared
from mfpt_shared.system.names import as_argument, check_name, described, folder_name, is_tried
from support.systems import IS_WINDOWS

PACKAGES = [Path(package.__path__[0]) for package in (mfpt_shared, mfpt_coord, mfpt_edge)]
ASKED = re.compile(r"\b(sys\.platform|os\.name|platform\.system|os\.uname|platform\.uname)\b")


@pytest.mark.parametrize("name", ["con", "aux", "prn", "nul", "CON", "con.json", "com1", "lpt9", "aux .x"])
def test_what_is_named_after_a_device_of_windows_gets_another_name_there(name: str) -> None:
    assert folder_name(name, reserved=True) == f"{name}~"
    assert folder_name(name, reserved=False) == name


@pytest.mark.parametrize("name", ["swh", "cone", "com", "auxiliary", "default", "com10"])
def test_any_other_name_stays_as_it_is(name: str) -> None:
    assert folder_name(name, reserved=True) == name


@pytest.mark.parametrize("path", ["con.csv", "data/aux/x.csv", "NUL"])
def test_a_path_that_windows_takes_for_a_device_is_refused_there_and_the_name_is_said(path: str) -> None:
    with pytest.raises(OSError, match=r"keeps the name '(con\.csv|aux|NUL)' for a device"):
        check_name(Path(path), reserved=True)
    check_name(Path(path), reserved=False)
    check_name(Path("data/constant.csv"), reserved=True)


def test_a_folder_named_after_the_language_of_the_cofan_can_be_made_here(tmp_path: Path) -> None:
    (tmp_path / folder_name("con")).mkdir()
    assert len(list(tmp_path.iterdir())) == 1
    assert (folder_name("con") == "con") is not IS_WINDOWS


def test_this_system_is_one_that_was_tried() -> None:
    assert is_tried()
    assert described()


@pytest.mark.parametrize("package", PACKAGES, ids=lambda folder: folder.name)
def test_nobody_else_asks_for_the_systems_name(package: Path) -> None:
    asking = {
        file.relative_to(package).as_posix()
        for file in package.rglob("*.py")
        if ASKED.search(file.read_text(encoding="utf-8"))
    }
    assert {name for name in asking if not name.startswith("system/")} == set()


def test_a_path_with_a_space_is_one_argument_of_a_command() -> None:
    assert as_argument(Path("my plan.toml")) == ('"my plan.toml"' if IS_WINDOWS else "'my plan.toml'")
    assert as_argument("plan.toml") == "plan.toml"
