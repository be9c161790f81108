"""One process owns a folder; another that only looks may borrow it, and changes nothing in it."""

from pathlib import Path

import pytest

from mfpt_shared.errors import InUse
from mfpt_shared.folders import ABANDONED, LOCK, abandon, borrowed, is_owned, owned


def test_a_folder_that_somebody_owns_is_not_lent(tmp_path: Path) -> None:
    with owned(tmp_path / "state", "--state-dir"), borrowed(tmp_path / "state") as is_free:
        assert not is_free


def test_whoever_borrows_a_folder_keeps_others_from_owning_it_until_the_end(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with owned(folder, "--state-dir"):
        pass
    with borrowed(folder) as is_free:
        assert is_free
        assert is_owned(folder)
        with pytest.raises(InUse), owned(folder, "--state-dir"):
            pass
    with owned(folder, "--state-dir"):
        pass


def test_a_folder_that_is_missing_is_lent_and_not_made(tmp_path: Path) -> None:
    with borrowed(tmp_path / "none") as is_free:
        assert is_free
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_its_owner_abandons_is_gone_when_the_owner_is(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with owned(folder, "--state-dir"):
        abandon(folder)
    assert not folder.exists()


def test_a_lock_that_could_not_be_removed_while_it_was_open_goes_with_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with owned(folder, "--state-dir"):
        (folder / LOCK).write_bytes(ABANDONED)
    assert not folder.exists()


def test_a_folder_that_is_abandoned_with_something_in_it_loses_its_lock_alone(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with owned(folder, "--state-dir"):
        (folder / "mine").touch()
        (folder / LOCK).write_bytes(ABANDONED)
    assert [file.name for file in folder.iterdir()] == ["mine"]
