"""An owner steers a device that does not run: what he sets holds from its next start on."""

from pathlib import Path

import pytest

from mfpt_edge.commands.asking import OwnerAtTerminal
from mfpt_edge.commands.said import parse_said
from mfpt_edge.commands.steering import change, leave, settings_of
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_edge.storage.settings import Said, Settings
from mfpt_shared.errors import ConnectionFailed, InUse, UsageError
from mfpt_shared.folders import owned
from mfpt_shared.languages import LanguageCode


class Yes:
    def is_there(self) -> bool:
        return True

    def answer(self, question: str) -> str:
        assert "does not run, so its coordinator is not asked" in question
        return "y"


def enrolled(folder: Path) -> Path:
    with owned(folder, "--state-dir"):
        DeviceFolder(folder).enrol(LanguageCode("swh"))
    return folder


def test_pausing_and_settings_are_kept_for_the_next_start(tmp_path: Path) -> None:
    folder = enrolled(tmp_path / "swh")
    change(folder, paused=True)
    change(folder, parse_said("22-6", "0.5", "pause", "50MB/month"))
    assert settings_of(folder) == Settings(
        paused=True, hours="22-6", max_load=0.5, on_battery="pause", max_upload=50_000_000
    )
    change(folder, parse_said("always", "none", "train", "none"), paused=False)
    assert settings_of(folder) == Settings()


@pytest.mark.parametrize(
    "said",
    [
        ("late", None, None, None),
        ("24-0", None, None, None),
        (None, "much", None, None),
        (None, None, None, "5 GBit"),
        (None, None, None, "5MB/year"),
        (None, None, None, "999999999999999GB"),
    ],
)
def test_settings_that_make_no_sense_are_refused(said: tuple[str | None, str | None, None, str | None]) -> None:
    with pytest.raises(UsageError, match="give"):
        parse_said(*said)


def test_settings_are_kept_without_the_blanks_around_them(tmp_path: Path) -> None:
    folder = enrolled(tmp_path / "swh")
    change(folder, parse_said(f" 22:00 {20 * ' '} - 6:00 ", " 0.5 ", None, " 50 MB / Month "))
    assert settings_of(folder) == Settings(hours="22:00-6:00", max_load=0.5, max_upload=50_000_000)


def test_what_no_option_names_stays_as_it_is() -> None:
    assert parse_said(None, None, None, None) == Said()


def test_a_device_that_is_about_to_start_is_not_steered_behind_its_back(tmp_path: Path) -> None:
    folder = enrolled(tmp_path / "swh")
    with owned(folder, "--state-dir"), pytest.raises(InUse, match="try again"):
        change(folder, paused=True)


def test_where_nothing_runs_leaving_says_what_can_be_done(tmp_path: Path) -> None:
    folder = enrolled(tmp_path / "swh")
    with pytest.raises(ConnectionFailed, match="--forget"):
        leave(folder, OwnerAtTerminal(), forget=False, yes=False)


def test_a_device_that_does_not_run_is_removed_once_its_owner_agrees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MFPT_CACHE", str(tmp_path / "cache"))
    folder = enrolled(tmp_path / "swh")
    with pytest.raises(UsageError, match="--yes"):
        leave(folder, OwnerAtTerminal(), forget=True, yes=False)
    assert folder.exists()
    left = leave(folder, Yes(), forget=True, yes=False)
    assert (left.forgotten, left.coordinator_asked) == (True, False)
    assert not folder.exists()


def test_where_there_is_no_device_nothing_can_be_steered(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="mfpt-edge join"):
        change(tmp_path / "nothing", paused=True)
    assert not (tmp_path / "nothing").exists()
