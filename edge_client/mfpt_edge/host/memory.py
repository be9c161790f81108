"""Memory that this process holds. Needs no torch."""

import ctypes
import os
import re
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

_M_MMAP_THRESHOLD: Final = -3  # Source: mallopt(3)
_LARGE: Final = 2**20
_STATM: Final = Path("/proc/self/statm")
_STATUS: Final = Path("/proc/self/status")
_PEAK: Final = re.compile(r"^VmHWM:\s+([0-9]+) kB$", re.MULTILINE)
_MEMINFO: Final = Path("/proc/meminfo")
_AVAILABLE: Final = re.compile(r"^MemAvailable: +([0-9]+) kB$", re.MULTILINE)
LEAST_BYTES: Final = 1_000_000_000
"""Enough for the bundled backbone with the default plan."""


def resident_bytes(statm: Path = _STATM) -> int:
    """Return the memory that this process holds now; where the system does not tell, the most that it has held.

    Args:
        statm: File with the number of pages in all, of resident pages, and more. Source: proc_pid_statm(5).
    """
    try:
        return int(statm.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return peak_rss_bytes()


def spare_bytes(meminfo: Path = _MEMINFO) -> int:
    """Return the memory that a device gives unless its owner says otherwise: half of what is free; see `free_bytes`."""
    return max(LEAST_BYTES, free_bytes(meminfo) // 2)


def free_bytes(meminfo: Path = _MEMINFO) -> int:
    """Return the memory that is free or can be freed; where the system does not tell, all of it.

    Args:
        meminfo: File that tells. Source: proc_meminfo(5), MemAvailable.
    """
    try:
        found = _AVAILABLE.search(meminfo.read_text(encoding="ascii"))
    except OSError:
        found = None
    return int(found[1]) * 1024 if found else os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


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
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def keep_heap_small() -> None:
    """Make the C library (glibc; others ignore it) return large blocks to the system as soon as they are freed."""
    if (option := _c_function("mallopt")) is not None:
        option(_M_MMAP_THRESHOLD, _LARGE)


def give_back() -> None:
    """Make the C library (glibc; others ignore it) return the freed memory that it keeps for later to the system."""
    if (trim := _c_function("malloc_trim")) is not None:
        trim(0)


def _c_function(name: str) -> Callable[..., int] | None:
    found: Callable[..., int] | None = getattr(ctypes.CDLL(None), name, None)
    return found
