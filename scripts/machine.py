"""What a script runs on, for the results that it prints."""

import platform
from pathlib import Path

from mfpt_shared.system.processor import usable_cores


def cores() -> int:
    """Return the number of cores that this process may use."""
    return usable_cores()


def machine() -> str:
    """Return the number of cores and the model of the processor."""
    return f"{cores()} cores, {_processor()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
