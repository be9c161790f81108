"""What a device keeps only to be faster: how much that is, and how to get rid of it. Needs no torch."""

import contextlib
import shutil
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

KINDS: Final = {
    "activations": "what the layers below a late prompt make of texts",
    "backbones": "backbones converted to 4 bits",
    "graphs": "backbones for ONNX Runtime",
}
"""Folder in the cache -> what it holds. Whatever else lies there belongs to somebody else."""


def sizes(cache: Path) -> dict[str, int]:
    """Return bytes on disk, by folder."""
    return {
        kind: sum(file.stat().st_size for file in (cache / kind).rglob("*") if file.is_file() and not file.is_symlink())
        for kind in KINDS
    }


def clear(cache: Path) -> dict[str, int]:
    """Remove all of it, and return the bytes that were freed, by folder.

    Processes that have mapped a file go on with it.

    Raises:
        OSError: a folder cannot be removed.
    """
    freed = sizes(cache)
    for kind in KINDS:
        if (cache / kind).exists():
            shutil.rmtree(cache / kind)
    return freed


class Kept(NamedTuple):
    """A file of the cache.

    Attributes:
        size: bytes.
        used: when it was last used, Unix seconds.
    """

    path: Path
    size: int
    used: float


def make_room(folder: Path, needed: int, budget: int, in_use: Collection[Path]) -> bool:
    """Remove files, those first that were not used for longest, until there is room for one more.

    Args:
        folder: with files only; it may be missing.
        needed: bytes of the new file.
        budget: bytes that all files may take.
        in_use: files that stay.

    Returns:
        Whether there is room. If there is none, nothing was removed.

    Raises:
        OSError: a file cannot be removed.
    """
    kept = list(_kept(folder))
    room = budget - needed - sum(file.size for file in kept if file.path in in_use)
    if room < 0:
        return False
    for path in surplus([file for file in kept if file.path not in in_use], room):
        path.unlink(missing_ok=True)
    return True


def surplus(kept: Sequence[Kept], room: int) -> list[Path]:
    """Return which files to remove, those first that were not used for longest, until the others fit into `room`."""
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
