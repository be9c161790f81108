"""Memory that this process holds and has held, and how much is free."""

import os
import re
import sys
from pathlib import Path
from typing import Final

if sys.platform != "linux":
    import psutil
if sys.platform != "win32":
    import resource

_STATM: Final = Path("/proc/self/statm")
_STATUS: Final = Path("/proc/self/status")
_PEAK: Final = re.compile(r"^VmHWM:\s+([0-9]+) kB$", re.MULTILINE)
MEMINFO: Final = Path("/proc/meminfo")
_AVAILABLE: Final = re.compile(r"^MemAvailable: +([0-9]+) kB$", re.MULTILINE)


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
    """Return the memory that is free or can be freed; where Linux does not tell, all of it.

    Args:
        meminfo: On Linux, file that tells. Source: proc_meminfo(5), MemAvailable.
    """
    if sys.platform == "linux":
        try:
            found = _AVAILABLE.search(meminfo.read_text(encoding="ascii"))
        except OSError:
            found = None
        return int(found[1]) * 1024 if found else os.sysconf("SC_PHYS_PAGES") * resource.getpagesize()
    else:
        return int(psutil.virtual_memory().available)


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
