"""Folders for state and caches, which are their owner's alone, and how a process comes to own one.

What people ask for by name, such as an export or a plot, is not written here: it follows their umask.
"""

import contextlib
import errno
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import platformdirs

from mfpt_shared.errors import InUse, MfptError
from mfpt_shared.system.locks import lock as lock_file
from mfpt_shared.system.names import check_name

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
LOOK_SECONDS: Final = 0.05
"""More than a process needs to see whether another one owns a folder."""
LOCK: Final = "lock"
"""File by which a process owns the folder that it is in."""
ABANDONED: Final = b"abandoned"
"""Content of a lock that goes with its folder as soon as nobody has it open."""
_PROGRAM: Final = "mfpt"
_AS_IT_IS: Final = (errno.ENOENT, errno.EPERM, errno.EACCES, errno.EROFS)
"""Errors after which a file stays as it is: it is gone, somebody else's, or on a disk that is only read."""


def state_home() -> Path:
    """Return mfpt's folder under the user's state home: `$XDG_STATE_HOME`, or else what the system has for it.

    That is `~/.local/state` on Linux, `~/Library/Application Support` on macOS, and on Windows `AppData`.

    Raises:
        MfptError: The user has no home.
    """
    chosen = os.environ.get("XDG_STATE_HOME", "")
    if Path(chosen).is_absolute():
        return Path(chosen) / _PROGRAM
    return _of_the_user(platformdirs.user_state_path, "XDG_STATE_HOME")


def cache_home() -> Path:
    """Return mfpt's folder for what can be made again: `$MFPT_CACHE`, or else one under the user's cache home.

    The cache home is `$XDG_CACHE_HOME`, by default `~/.cache`.

    Raises:
        MfptError: The user has no home.
    """
    chosen = os.environ.get("MFPT_CACHE")
    return Path(chosen).expanduser() if chosen else _of_the_user(platformdirs.user_cache_path, "MFPT_CACHE")


def _of_the_user(find: Callable[..., Path], variable: str) -> Path:
    no_home = MfptError(f"this user has no home folder: set HOME, or {variable} to a folder of their own")
    try:
        folder = find(_PROGRAM, appauthor=False)
    except RuntimeError as error:
        raise no_home from error
    if not folder.is_absolute():  # from older versions of platformdirs: a folder named `~`, here
        raise no_home
    return folder


def private_folder(folder: Path) -> Path:
    """Return a folder that nobody but its owner can look into; make it, and folders above it, where they are missing.

    Raises:
        OSError: It cannot be made.
        MfptError: It is one that everybody on the machine may write to, such as /tmp.
    """
    check_name(folder)
    for missing in reversed([one for one in (folder, *folder.parents) if not one.exists()]):
        with contextlib.suppress(FileExistsError):  # another process was faster
            missing.mkdir(mode=FOLDER_MODE)
    if folder.stat().st_mode & stat.S_ISVTX:
        raise MfptError(f"{folder} is shared by everybody on this machine: choose a folder of its own")
    _tighten(folder.resolve())
    return folder


def private_file(file: Path) -> Path:
    """Return a file that nobody but its owner can read; make an empty one where it is missing.

    Raises:
        OSError: It cannot be made.
    """
    os.close(os.open(file, os.O_RDWR | os.O_CREAT, FILE_MODE))
    _tighten(file)
    return file


def tighten(folder: Path) -> None:
    """Take from everybody but the owner what is in a folder of ours; it may be missing.

    Folders and files that older versions or other programs made there become 0700 and 0600. Links are not followed,
    and what belongs to somebody else, or lies on a disk that is only read, stays as it is.
    """
    if not folder.is_dir() or folder.is_symlink():
        return
    _tighten(folder)
    for above, folders, files in os.walk(folder):
        for name in (*folders, *files):
            _tighten(Path(above, name))


def _tighten(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode) and mode & (stat.S_IRWXG | stat.S_IRWXO):
            path.chmod(stat.S_IMODE(mode) & ~(stat.S_IRWXG | stat.S_IRWXO))
    except OSError as error:
        if error.errno not in _AS_IT_IS:
            raise


@contextmanager
def owned(directory: Path, option: str) -> Iterator[None]:
    """Make a folder if it does not exist, and own it until the context ends; no other process can.

    Everything in it becomes the owner's alone; see `tighten`.

    Args:
        directory: Folder.
        option: Command-line option with which people choose another folder, for messages.

    Raises:
        InUse: Another process owns the folder.
        MfptError: The folder cannot be written to.
    """
    try:
        lock = private_file(private_folder(directory) / LOCK).open("w")
    except OSError as error:
        raise MfptError(
            f"cannot write to {directory}: {error.strerror}; choose another folder with {option}"
        ) from error
    try:
        with lock:
            try:
                _lock(lock.fileno())
            except BlockingIOError as error:
                raise InUse(f"{directory} is in use by another process; give this one its own {option}") from error
            tighten(directory.resolve())
            yield
    finally:
        _remove_abandoned(directory)


def abandon(directory: Path) -> None:
    """Remove the lock of a folder that this process owns, and the folder, if nothing else is in it.

    Where a file that is open cannot be removed, that happens when the folder is no longer owned.

    Raises:
        OSError: Something else is in it, or it cannot be removed.
    """
    lock = directory / LOCK
    try:
        lock.unlink(missing_ok=True)
    except OSError:
        lock.write_bytes(ABANDONED)
    else:
        directory.rmdir()


def _remove_abandoned(directory: Path) -> None:
    """Remove a folder that was abandoned, unless another process has begun there: then its lock is open again."""
    lock = directory / LOCK
    with contextlib.suppress(OSError):
        if lock.read_bytes() == ABANDONED:
            lock.unlink()
            directory.rmdir()


@contextmanager
def borrowed(directory: Path) -> Iterator[bool]:
    """Own a folder as `owned` does, if nobody else does, but change nothing in it; tell whether that came about.

    A folder that nobody has ever owned, or that is missing, is not locked.
    """
    try:
        lock = (directory / LOCK).open("rb")
    except OSError:
        yield True
        return
    with lock:
        try:
            _lock(lock.fileno())
        except BlockingIOError:
            yield False
        else:
            yield True


def _lock(file: int) -> None:
    """Lock a file for this process; one that only looks whether it is locked is gone after a moment.

    Raises:
        BlockingIOError: Another process has locked it.
    """
    try:
        lock_file(file)
    except BlockingIOError:
        time.sleep(LOOK_SECONDS)
        lock_file(file)


def is_owned(directory: Path) -> bool:
    """Tell whether a process owns a folder; one that cannot be looked at counts as free."""
    try:
        with (directory / LOCK).open() as lock:
            lock_file(lock.fileno(), shared=True)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
