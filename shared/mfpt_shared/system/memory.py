"""Memory that this process holds and has held, and how much is free."""

import re
import sys
from pathlib import Path
from typing import Final

if sys.platform != "win32":
    import resource

_STATM: Final = Path("/proc/self/statm")
_STATUS: Final = Path("/proc/self/status")
_PEAK: Final = re.compile(r"^VmHWM:\s+([0-9]+) kB$", re.MULTILINE)
MEMINFO: Final = Path("/proc/meminfo")
_AVAILABLE: Final = re.compile(r"^MemAvailable: +([0-9]+) kB$", re.MULTILINE)


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
    """Return the memory that is free or can be freed.

    Args:
        meminfo: File that tells. Source: proc_meminfo(5), MemAvailable. Where there is none, or an older one, psutil
            knows how this system tells.
    """
    try:
        found = _AVAILABLE.search(meminfo.read_text(encoding="ascii"))
    except OSError:
        found = None
    if found:
        return int(found[1]) * 1024
    import psutil  # noqa: PLC0415 - Linux does without

    return int(psutil.virtual_memory().available)


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
