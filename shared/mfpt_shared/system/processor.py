"""The processor: how many cores this process may use, and which instructions they have."""

import ctypes
import math
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

_CGROUPS: Final = Path("/sys/fs/cgroup")
_CPUINFO: Final = Path("/proc/cpuinfo")
_FLAGS: Final = re.compile(r"^flags\s*:(.*)$", re.MULTILINE)
# Source: macOS, sysctl(3). Only Intel's processors have them.
_APPLE: Final = ("machdep.cpu.features", "machdep.cpu.leaf7_features")
_APPLE_NAMES: Final = {"avx1.0": "avx"}
# Source: Windows, winnt.h, PF_*_INSTRUCTIONS_AVAILABLE. Windows 10 before 2004 knows none of them.
_PF: Final = {"sse4_2": 38, "avx": 39, "avx2": 40, "avx512f": 41}
_BUILD_2004: Final = 19_041


def usable_cores(cgroups: Path = _CGROUPS) -> int:
    """Return the number of cores that the process is allowed on, or that its control group grants it if that is less.

    More threads would only wait for each other.

    Args:
        cgroups: Folder where control groups are mounted. Source: Linux kernel documentation, cgroup-v2, `cpu.max`:
            a quota and a period in microseconds; and cgroup-v1, `cpu.cfs_quota_us` and `cpu.cfs_period_us`.
    """
    if sys.platform == "linux":
        allowed, quota = len(os.sched_getaffinity(0)), _quota(cgroups)
        return allowed if quota is None else max(1, min(allowed, math.ceil(quota)))
    else:
        return os.cpu_count() or 1


def _quota(cgroups: Path) -> float | None:
    """Return the processor time that the control group grants, in cores; None: no limit."""
    try:
        quota, period = (cgroups / "cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        try:
            quota, period = (
                (cgroups / "cpu" / f"cpu.cfs_{name}_us").read_text(encoding="ascii").strip()
                for name in ("quota", "period")
            )
        except OSError:
            return None
    try:
        granted = float(quota) / float(period)
    except (ValueError, ZeroDivisionError):  # "max": no limit
        return None
    return granted if granted > 0 else None


def features(cpuinfo: Path = _CPUINFO) -> frozenset[str] | None:
    """Return the instructions that the processor has beyond the first ones, named as Linux names them.

    Args:
        cpuinfo: File with the processor's features. Source: proc_cpuinfo(5).

    Returns:
        None: The system does not tell.
    """
    if sys.platform == "win32":
        return _features_on_windows()
    if sys.platform == "darwin":
        return _features_on_macos()
    try:
        found = _FLAGS.search(cpuinfo.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None
    return None if found is None else frozenset(found[1].split())


def lacks_avx2(cpuinfo: Path = _CPUINFO, machine: str | None = None) -> bool:
    """Tell whether this is an x86 processor without AVX2, for which matrix libraries have slow routines only.

    Args:
        cpuinfo: See `features`; where the system does not tell, nothing is lacking.
        machine: Kind of processor, as `uname -m` names it; None: that of this machine.
    """
    if (machine or platform.machine()).lower() not in ("x86_64", "amd64"):
        return False
    found = features(cpuinfo)
    return found is not None and "avx2" not in found


def _features_on_macos() -> frozenset[str] | None:
    try:
        told = subprocess.run(["/usr/sbin/sysctl", "-n", *_APPLE], capture_output=True, check=False).stdout
    except OSError:
        return None
    names = told.decode("ascii", "replace").lower().split()
    return frozenset(_APPLE_NAMES.get(name, name) for name in names) or None


def _features_on_windows() -> frozenset[str] | None:
    if sys.platform == "win32":
        has = ctypes.windll.kernel32.IsProcessorFeaturePresent
        found = frozenset(name for name, number in _PF.items() if has(number))
        return found if found or sys.getwindowsversion().build >= _BUILD_2004 else None
    return None
