"""What a control group of Linux leaves a process of its memory: a container's limit, or that of a service.

The system's own figures do not know of it: they tell of all memory, and the process is ended at the limit of its group.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

_MINE: Final = Path("/proc/self/cgroup")
_MOUNTED: Final = Path("/sys/fs/cgroup")


class Grant(NamedTuple):
    """Memory that a group has.

    Attributes:
        limit: Bytes that all of its processes may hold.
        left: Bytes that they may still take; what the system keeps of files that they have read can be freed.
    """

    limit: int
    left: int


def memory_grant(mine: Path = _MINE, mounted: Path = _MOUNTED) -> Grant | None:
    """Return what the groups of this process leave it, the tightest of them; None: none has a limit.

    Args:
        mine: File with the paths of the process's groups. Source: cgroups(7).
        mounted: Folder where control groups are mounted. Source: Linux kernel documentation, cgroup-v2, `memory.max`,
            and cgroup-v1, `memory.limit_in_bytes`.
    """
    grants = [grant for folder in _folders(mine, mounted) if (grant := _grant(folder)) is not None]
    return Grant(min(one.limit for one in grants), min(one.left for one in grants)) if grants else None


def _folders(mine: Path, mounted: Path) -> Iterator[Path]:
    """Yield the folder of each group that the process is in, and of those that these are in."""
    try:
        lines = mine.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        top = mounted / controllers if controllers else mounted
        # In a container, the path may be the host's, and what is mounted be the container's own group.
        folder = top / path.lstrip("/")
        yield from (one for one in (folder, *folder.parents) if one.is_relative_to(top))


def _grant(folder: Path) -> Grant | None:
    """Return what one group grants; None: it has no limit, or is not to be seen from here."""
    for limit, used, kept in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        try:
            most, now = _number(folder / limit), _number(folder / used)
            facts = dict(line.split() for line in (folder / "memory.stat").read_text(encoding="ascii").splitlines())
            return Grant(most, max(0, most - now + int(facts.get(kept, 0))))
        except (OSError, ValueError):  # "max": no limit
            continue
    return None


def _number(file: Path) -> int:
    return int(file.read_text(encoding="ascii"))
