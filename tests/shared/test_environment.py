"""Errors of the machine are told as what they are; defects are not."""

import errno
import os
import pwd
import tempfile
from pathlib import Path

import pytest

from mfpt_shared import folders
from mfpt_shared.environment import OUT_OF_MEMORY, explained, not_written, sentence
from mfpt_shared.errors import ConnectionFailed, MfptError, UsageError


def of(number: int, file: str | None = "/data/file") -> OSError:
    return OSError(number, os.strerror(number), file)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (of(errno.ENOSPC), "/data/file: No space left on device; make room there, or name another place"),
        (of(errno.EROFS), "/data/file: Read-only file system; name a place that can be written to"),
        (of(errno.EACCES), "/data/file: Permission denied; have its owner allow it, or name another place"),
        (of(errno.EMFILE, None), "Too many open files; raise the limit of open files (ulimit -n)"),
        (of(errno.ENOMEM, None), f"Cannot allocate memory; {OUT_OF_MEMORY}"),
        (of(errno.ENOENT), "/data/file: No such file or directory; it is missing: make it, or name another place"),
        (of(errno.EXDEV), "/data/file: Invalid cross-device link"),
        (MemoryError(), OUT_OF_MEMORY),
        (ImportError("libtorch_cpu.so: failed to map segment from shared object"), OUT_OF_MEMORY),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), OUT_OF_MEMORY),
        (KeyError("getpwuid(): uid not found: 12345"), "this user has no name on this machine: set HOME and USER"),
    ],
    ids=lambda value: repr(value) if isinstance(value, Exception) else "",
)
def test_an_error_of_the_environment_says_what_failed_where_and_what_to_do(error: Exception, expected: str) -> None:
    known = explained(error)
    assert type(known) is MfptError
    assert str(known) == expected


def test_too_many_threads_are_told_with_the_limit_to_raise() -> None:
    assert "(ulimit -u)" in str(explained(RuntimeError("can't start new thread")))


def test_a_lost_connection_has_the_exit_code_of_one() -> None:
    assert isinstance(explained(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")), ConnectionFailed)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("the label 'out of memory' is unknown"),
        TypeError("out of memory"),
        KeyError("label"),
        RuntimeError("shapes do not fit"),
        AssertionError(),
        OSError("without a number"),
    ],
    ids=repr,
)
def test_a_defect_is_not_taken_for_an_error_of_the_environment(error: Exception) -> None:
    assert explained(error) is None


def test_a_user_whom_the_system_does_not_know_is_told_so() -> None:
    with pytest.raises(KeyError) as raised:
        pwd.getpwuid(2**31 - 7)
    assert "no name on this machine" in str(explained(raised.value))


@pytest.mark.parametrize(("find", "variable"), [("state_home", "XDG_STATE_HOME"), ("cache_home", "MFPT_CACHE")])
def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch, find: str, variable: str) -> None:
    def unknown(number: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    for name in ("HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "MFPT_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.raises(MfptError, match=f"no home folder: set HOME, or {variable}"):
        getattr(folders, find)()


def test_a_working_folder_that_is_gone_is_told_as_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(FileNotFoundError) as raised:
        Path("x").absolute()
    assert sentence(raised.value) == "the folder in which this was started is gone: go to another one"


def test_no_folder_for_temporary_files_is_told_with_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/no/such/folder"])
    with pytest.raises(FileNotFoundError) as raised:
        tempfile.gettempdir()
    assert "set TMPDIR" in sentence(raised.value)


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOENT, UsageError), (errno.EISDIR, UsageError), (errno.ENOSPC, MfptError)]
)
def test_only_a_name_that_is_no_place_for_a_file_is_an_error_of_usage(number: int, kind: type[MfptError]) -> None:
    error = not_written("plan.toml", of(number, None))
    assert type(error) is kind
    assert str(error).startswith("cannot write plan.toml: ")
