"""Files that are replaced, removed and made durable, although another program may hold them for a moment.

On Windows, a file that anybody has open or mapped can be neither replaced nor removed, and programs that look for
viruses open every file that is new. So these are tried again for a while; elsewhere, the first try succeeds.
"""

import errno
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

PATIENCE_SECONDS: Final = 3.0
_LOOK_SECONDS: Final = 0.02
# ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION, ERROR_DIR_NOT_EMPTY (what was removed from it is
# still open), ERROR_USER_MAPPED_FILE. Source: winerror.h
_HELD: Final = frozenset({5, 32, 33, 145, 1224})
_ANOTHER_HOLDS_IT: Final = frozenset({32, 33, 1224})
# ERROR_NOT_ENOUGH_MEMORY, ERROR_OUTOFMEMORY, ERROR_NO_SYSTEM_RESOURCES, ERROR_COMMITMENT_LIMIT, which Python takes for
# an invalid argument. Source: winerror.h
_NO_MEMORY: Final = frozenset({8, 14, 1450, 1455})

ResultT = TypeVar("ResultT")


def is_held(error: OSError) -> bool:
    """Tell whether something failed because another program has a file open or mapped."""
    return getattr(error, "winerror", None) in _ANOTHER_HOLDS_IT


def may_be_held(error: OSError) -> bool:
    """Tell whether something may have failed for that reason: Windows also says that access is denied."""
    return getattr(error, "winerror", None) in _HELD


def number_of(error: OSError) -> int:
    """Return the number of an error as POSIX has it; 0: there is none."""
    return errno.ENOMEM if getattr(error, "winerror", None) in _NO_MEMORY else error.errno or 0


def patiently(act: Callable[[], ResultT], patience: float = PATIENCE_SECONDS) -> ResultT:
    """Do something to a file, again and again while another program holds it.

    Args:
        act: Does it, and raises an OSError where it cannot be done.
        patience: How long to go on, seconds.

    Raises:
        OSError: It cannot be done, or it still could not after that time.
    """
    give_up = time.monotonic() + patience
    while True:
        try:
            return act()
        except OSError as error:
            if not may_be_held(error) or time.monotonic() >= give_up:
                raise
        time.sleep(_LOOK_SECONDS)  # nothing tells when a file is let go


def replace(made: Path, path: Path) -> None:
    """Give a file or folder another name; a file of that name is replaced.

    Raises:
        OSError: It cannot be done.
    """
    patiently(lambda: made.replace(path))


def remove(path: Path, *, missing_ok: bool = False) -> None:
    """Remove a file.

    Raises:
        OSError: It cannot be removed.
    """
    patiently(lambda: path.unlink(missing_ok=missing_ok))


def remove_folder(path: Path) -> None:
    """Remove a folder and all that is in it.

    Raises:
        OSError: Something in it cannot be removed.
    """
    patiently(lambda: shutil.rmtree(path))


def sync(path: Path) -> None:
    """Wait until a file's content, or the names in a folder, are on the disk. On Windows, names are there at once.

    Raises:
        OSError: They cannot be written.
    """
    flags = os.O_RDONLY
    if sys.platform == "win32":
        if path.is_dir():
            return
        flags = os.O_RDWR  # nobody may wait for a file that is only read
    opened = os.open(path, flags)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
