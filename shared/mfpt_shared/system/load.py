"""How busy the machine is, and how far this process lets others go first."""

import os
import sys
from typing import Final

from mfpt_shared.errors import UsageError

if sys.platform == "win32":
    import psutil

_HALF_OF_THE_WAY: Final = 10


def load_average() -> float:
    """Return the 1-minute load average.

    Windows has none: psutil counts one there from its first call on, so that the first is 0.

    Raises:
        UsageError: The system does not tell.
    """
    if sys.platform == "win32":
        try:
            return float(psutil.getloadavg()[0])
        except (OSError, RuntimeError) as error:
            raise UsageError(
                "--max-load needs the performance counters of Windows, and they are switched off: leave it out, or "
                "switch them on (lodctr /R, as an administrator)"
            ) from error
    else:
        return os.getloadavg()[0]


def lower_priority(nice: int) -> None:
    """Let other programs go first.

    Args:
        nice: How far, 0 (not at all) to 19 (always). Windows knows two steps: half of the way, and always.
    """
    if sys.platform == "win32":
        if nice:
            half = nice <= _HALF_OF_THE_WAY
            psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS if half else psutil.IDLE_PRIORITY_CLASS)
    else:
        os.nice(nice)
