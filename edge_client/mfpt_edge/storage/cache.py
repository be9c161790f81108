"""The cache, which a device keeps only to be faster: its size, and how to clear it. Needs no torch."""

import contextlib
import shutil
import stat
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from mfpt_shared.folders import tighten
from mfpt_shared.system.files import may_be_held, remove_folder

KINDS: Final = {
    "activations": "activations of the lower layers",
    "backbones": "backbones converted to 4 bits",
    "graphs": "backbones for ONNX Runtime",
}
"""Folder in the cache -> what it holds. Other folders there are not ours."""


def make_private(cache: Path) -> None:
    """Take from everybody but the owner what is in the cache already; folders that are not ours stay as they are."""
    for kind in KINDS:
        tighten(cache / kind)


def sizes(cache: Path) -> dict[str, int]:
    """Return the bytes on disk, by folder."""
    return {kind: sum(map(_size, (cache / kind).rglob("*"))) for kind in KINDS}


def _size(path: Path) -> int:
    """Return the size of a file, bytes; 0 for anything else, and for one that another process has just removed."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def clear(cache: Path) -> dict[str, int]:
    """Clear the cache, and return the bytes that were freed, by folder.

    Processes that have mapped a file keep it until they end; on Windows, it cannot be removed before.

    Raises:
        OSError: A folder cannot be removed.
    """
    freed = sizes(cache)
    for kind in KINDS:
        if (cache / kind).exists():
            remove_folder(cache / kind)
    return freed


def discard(path: Path) -> None:
    """Remove what is in the place of a file or folder of the cache, whatever it is, as far as that is possible."""
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


class Kept(NamedTuple):
    """A file of the cache.

    Attributes:
        path: Path of the file.
        size: Size, bytes.
        used: When it was last used, Unix seconds.
    """

    path: Path
    size: int
    used: float


def make_room(folder: Path, needed: int, budget: int, in_use: Collection[Path]) -> bool:
    """Remove files, least recently used first, until there is room for a new one.

    Args:
        folder: Folder with files only; it may be missing.
        needed: Size of the new file, bytes.
        budget: Size that all files together may have, bytes.
        in_use: Files that must stay.

    Returns:
        Whether there is room. If there is not, nothing was removed, or another process uses a file that had to go.

    Raises:
        OSError: A file cannot be removed.
    """
    kept = list(_kept(folder))
    room = budget - needed - sum(file.size for file in kept if file.path in in_use)
    if room < 0:
        return False
    for path in surplus([file for file in kept if file.path not in in_use], room):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            if may_be_held(error):
                return False
            raise
    return True


def surplus(kept: Sequence[Kept], room: int) -> list[Path]:
    """Return the files to remove, least recently used first, so that the others fit into `room` bytes."""
    total, removed = sum(file.size for file in kept), []
    for file in sorted(kept, key=lambda file: file.used):
        if total <= room:
            break
        removed.append(file.path)
        total -= file.size
    return removed


def _kept(folder: Path) -> Iterator[Kept]:
    for path in folder.glob("*"):
        with contextlib.suppress(FileNotFoundError):  # another process was faster
            found = path.stat()
            yield Kept(path, found.st_size, found.st_mtime)
