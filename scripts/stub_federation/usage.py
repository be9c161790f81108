"""What a process uses, from /proc, and how large folders are."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

_PROC: Final = Path("/proc")
_MB: Final = 1e6


class Usage(NamedTuple):
    """Resident memory, MB, and the number of open file descriptors."""

    rss: float
    descriptors: int


def usage(pid: int | None) -> Usage | None:
    """Return what a process uses; None if there is none, or this system does not tell."""
    if pid is None:
        return None
    try:
        lines = (_PROC / str(pid) / "status").read_text(encoding="ascii", errors="replace").splitlines()
        descriptors = sum(1 for _ in (_PROC / str(pid) / "fd").iterdir())
    except OSError:
        return None
    rss = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:")), None)
    return None if rss is None else Usage(rss / _MB, descriptors)


def folder_size(folder: Path) -> float:
    """Return the size of all files in a folder, MB."""
    return size(Path(place) / name for place, _, names in os.walk(folder) for name in names)


def size(files: Iterable[Path]) -> float:
    """Return the size of files, MB, whichever of them come and go meanwhile."""
    total = 0
    for file in files:
        with suppress(OSError):
            total += file.lstat().st_size
    return total / _MB
