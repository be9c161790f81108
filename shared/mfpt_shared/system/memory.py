"""Memory that this process holds and has held, how much is free, and how much there is."""

import re
import sys
from pathlib import Path
from typing import Final

from mfpt_shared.system.control_group import memory_grant

if sys.platform != "win32":
    import resource

_STATM: Final = Path("/proc/self/statm")
_STATUS: Final = Path("/proc/self/status")
_PEAK: Final = re.compile(r"^VmHWM:\s+([0-9]+) kB$", re.MULTILINE)
MEMINFO: Final = Path("/proc/meminfo")
_AVAILABLE: Final = re.compile(r"^MemAvailable: +([0-9]+) kB$", re.MULTILINE)
_TOTALS: Final = re.compile(r"^(?:MemTotal|SwapTotal): +([0-9]+) kB$", re.MULTILINE)


def resident_bytes(statm: Path = _STATM) -> int:
    """Return the memory that this process holds now.

    Args:
        statm: File with the number of pages in all, of resident pages, and more. Source: proc_pid_statm(5). Where there
            is none, psutil knows how this system tells.
    """
    try:
        pages = int(statm.read_text(encoding="ascii").split()[1])
    except OSError:
        import psutil  # noqa: PLC0415 - Linux does without

        return int(psutil.Process().memory_info().rss)
    return pages * resource.getpagesize()


def free_bytes(meminfo: Path = MEMINFO) -> int:
    """Return the memory that is free or can be freed, and that this process's control group lets it take.

    Args:
        meminfo: File that tells. Source: proc_meminfo(5), MemAvailable. Where there is none, or an older one, psutil
            knows how this system tells.
    """
    grant = memory_grant()
    free = _free_bytes(meminfo)
    return free if grant is None else min(free, grant.left)


def total_bytes(meminfo: Path = MEMINFO) -> int:
    """Return the memory of the machine with what it may swap to a disk, or what its control group lets a process hold.

    Args:
        meminfo: File that tells. Source: proc_meminfo(5), MemTotal and SwapTotal; see `free_bytes`.
    """
    grant = memory_grant()
    total = _total_bytes(meminfo)
    return total if grant is None else min(total, grant.limit)


def _free_bytes(meminfo: Path) -> int:
    found = _AVAILABLE.search(_text(meminfo))
    if found:
        return int(found[1]) * 1024
    import psutil  # noqa: PLC0415 - Linux does without

    return int(psutil.virtual_memory().available)


def _total_bytes(meminfo: Path) -> int:
    found = _TOTALS.findall(_text(meminfo))
    if found:
        return sum(map(int, found)) * 1024
    import psutil  # noqa: PLC0415 - Linux does without

    return int(psutil.virtual_memory().total + psutil.swap_memory().total)


def _text(file: Path) -> str:
    """Return what a file of the system says; nothing where there is no such file."""
    try:
        return file.read_text(encoding="ascii")
    except OSError:
        return ""


def peak_rss_bytes(status: Path = _STATUS) -> int:
    """Return the most memory that this process has held.

    Args:
        status: File that says so. Source: proc_pid_status(5), VmHWM. Where there is none, the system's accounts are
            asked: on Linux, these also count what the process that started this one held. Source: getrusage(2).
    """
    try:
        found = _PEAK.search(status.read_text(encoding="utf-8"))
    except OSError:
        found = None
    if found:
        return int(found[1]) * 1024
    if sys.platform == "win32":
        import psutil  # noqa: PLC0415 - other systems do without

        return int(psutil.Process().memory_info().peak_wset)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
