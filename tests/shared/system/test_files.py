"""Files that another program holds for a moment, as programs that look for viruses do on Windows."""

import errno
from pathlib import Path

import pytest

from mfpt_shared.environment import sentence
from mfpt_shared.system.files import is_held, number_of, patiently, remove, remove_folder, replace, sync
from support.systems import IS_WINDOWS


def of_windows(number: int, kind: int = errno.EACCES) -> OSError:
    """Return an error as Windows raises it, on any system."""
    error = OSError(kind, "it says so")
    error.winerror = number  # type: ignore[attr-defined]  # other systems have no such number
    return error


class Held:
    """Something that fails a number of times before it succeeds."""

    def __init__(self, times: int, error: OSError) -> None:
        self._left, self._error = times, error
        self.tries = 0

    def __call__(self) -> str:
        self.tries += 1
        if self._left:
            self._left -= 1
            raise self._error
        return "done"


@pytest.mark.parametrize("number", [5, 32, 33, 145, 1224])
def test_what_another_program_holds_is_tried_again(number: int) -> None:
    act = Held(2, of_windows(number))
    assert patiently(act) == "done"
    assert act.tries == 3


def test_what_is_held_for_too_long_is_given_up() -> None:
    act = Held(10**9, of_windows(32))
    with pytest.raises(OSError, match="it says so"):
        patiently(act, patience=0.05)
    assert act.tries > 1


@pytest.mark.parametrize("error", [FileNotFoundError(errno.ENOENT, "gone"), of_windows(2), PermissionError(1, "no")])
def test_any_other_error_is_raised_at_once(error: OSError) -> None:
    act = Held(1, error)
    with pytest.raises(type(error)):
        patiently(act)
    assert act.tries == 1


def test_a_person_is_told_that_another_program_has_the_file_open() -> None:
    assert is_held(of_windows(32))
    assert not is_held(PermissionError(errno.EACCES, "no"))
    assert sentence(of_windows(32), "C:\\x") == "C:\\x: it says so; another program has it open: close that one"
    assert "another program may have it open; or else have its owner allow it" in sentence(of_windows(5), "C:\\x")


def test_memory_that_windows_has_not_is_no_invalid_argument() -> None:
    assert number_of(of_windows(1455, errno.EINVAL)) == errno.ENOMEM
    assert number_of(OSError("nothing")) == 0


def test_files_and_folders_are_replaced_and_removed_with_all_that_is_in_them(tmp_path: Path) -> None:
    (tmp_path / "made").write_text("new", encoding="ascii")
    (tmp_path / "file").write_text("old", encoding="ascii")
    replace(tmp_path / "made", tmp_path / "file")
    assert (tmp_path / "file").read_text(encoding="ascii") == "new"
    (tmp_path / "folder" / "inside").mkdir(parents=True)
    replace(tmp_path / "folder", tmp_path / "moved")
    remove(tmp_path / "file")
    remove(tmp_path / "file", missing_ok=True)
    remove_folder(tmp_path / "moved")
    assert list(tmp_path.iterdir()) == []


def test_files_and_folders_are_made_durable(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    sync(file)
    sync(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync(tmp_path / "none")


@pytest.mark.skipif(not IS_WINDOWS, reason="only Windows keeps open files from being removed")
def test_an_open_file_is_removed_once_it_is_closed(tmp_path: Path) -> None:
    file = tmp_path / "file"
    opened = file.open("wb")
    with pytest.raises(PermissionError):
        patiently(file.unlink, patience=0.1)
    opened.close()
    remove(file)
    assert not file.exists()
