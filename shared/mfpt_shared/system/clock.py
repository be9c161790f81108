"""Time in which the machine was awake: a laptop that sleeps over night has not worked for hours."""

import ctypes
import sys
import time
from typing import Final

_TICKS_A_SECOND: Final = 10_000_000


def awake_seconds() -> float:
    """Return the seconds that have passed since some time, without those in which the machine slept.

    `time.monotonic` leaves them out on Linux and macOS, and counts them on Windows.
    """
    if sys.platform == "win32":
        ticks = ctypes.c_ulonglong()
        ctypes.windll.kernel32.QueryUnbiasedInterruptTime(ctypes.byref(ticks))
        return ticks.value / _TICKS_A_SECOND
    else:
        return time.monotonic()
