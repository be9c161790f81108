"""Memory that this process holds and has held, how much is free, and how much there is."""

import os
import re
import sys
from pathlib import Path
from typing import Final

from mfpt_shared.system.control_group import memory_grant

if sys.platform != "linux":
    import psutil
if sys.platform != "win32":
    import resource

_STATM: Final = Path("/proc/self/statm")
_STATUS: Final = Path("/proc/self/status")
_PEAK: Final = re.compile(r"^VmHWM:\s+([0-9]+) kB$", re.MULTILINE)
MEMINFO: Final = Path("/proc/meminfo")
_AVAILABLE: Final = re.compile(r"^MemAvailable: +([0-9]+) kB$", re.MULTILINE)
_TOTALS: Final = re.compile(r"^(?:MemTotal|SwapTotal): +([0-9]+) kB$", re.MULTILINE)


def resident_bytes(statm: Path = _STATM) -> int:
    """Return the memory that this process holds now; where Linux does not tell, the most that it has held.

    Args:
        statm: On Linux, file with the number of pages in all, of resident pages, and more. Source: proc_pid_statm(5).
    """
    if sys.platform == "linux":
        try:
            return int(statm.read_text(encoding="ascii").split()[1]) * resource.getpagesize()
        except OSError:
            return peak_rss_bytes()
    else:
        return int(psutil.Process().memory_info().rss)


def free_bytes(meminfo: Path = MEMINFO) -> int:
    """Return the memory that is free or can be freed, as far as this process's control group lets it take that.

    Args:
        meminfo: On Linux, file that tells; without it, all memory is free. Source: proc_meminfo(5), MemAvailable.
    """
    if sys.platform == "linux":
        free, grant = _told(_AVAILABLE, meminfo), memory_grant()
        return free if grant is None else min(free, grant.left)
    else:
        return int(psutil.virtual_memory().available)


def total_bytes(meminfo: Path = MEMINFO) -> int:
    """Return the memory of the machine, on Linux with what it may swap, or what its control group lets a process hold.

    Args:
        meminfo: On Linux, file that tells. Source: proc_meminfo(5), MemTotal and SwapTotal.
    """
    if sys.platform == "linux":
        total, grant = _told(_TOTALS, meminfo), memory_grant()
        return total if grant is None else min(total, grant.limit)
    else:
        # What can be swapped is not asked for: on Windows only performance counters know, which may be switched off.
        return int(psutil.virtual_memory().total)


def _told(rows: re.Pattern[str], meminfo: Path) -> int:
    """Return the bytes that rows of a file add up to; where there is no such file, those of the machine."""
    if sys.platform != "linux":
        return 0
    try:
        found = rows.findall(meminfo.read_text(encoding="ascii"))
    except OSError:
        found = []
    return sum(map(int, found)) * 1024 if found else os.sysconf("SC_PHYS_PAGES") * resource.getpagesize()


def peak_rss_bytes(status: Path = _STATUS) -> int:
    """Return the most memory that this process has held.

    Args:
        status: On Linux, file that says so. Source: proc_pid_status(5), VmHWM. Where there is none, the system's
            accounts are asked: these also count what the process that started this one held. Source: getrusage(2).
    """
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    elif sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    else:
        try:
            found = _PEAK.search(status.read_text(encoding="utf-8"))
        except OSError:
            found = None
        return int(found[1]) * 1024 if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
