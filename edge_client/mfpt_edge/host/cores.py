"""Number of processor cores that this process may use: more threads would only wait for each other. Needs no torch."""

import math
import os
from pathlib import Path
from typing import Final

_CGROUPS: Final = Path("/sys/fs/cgroup")


def usable_cores(cgroups: Path = _CGROUPS) -> int:
    """Return the number of cores that the process is allowed on, or that its control group grants it if that is less.

    Args:
        cgroups: Folder where control groups are mounted. Source: Linux kernel documentation, cgroup-v2, `cpu.max`:
            a quota and a period in microseconds; and cgroup-v1, `cpu.cfs_quota_us` and `cpu.cfs_period_us`.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(cgroups)
    return allowed if quota is None else max(1, min(allowed, math.ceil(quota)))


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
