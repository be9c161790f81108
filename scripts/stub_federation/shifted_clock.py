"""Runs a module with a clock that can be set: `python -m stub_federation.shifted_clock FILE MODULE ARGUMENTS`.

FILE holds the seconds by which the clock is off; it is read at the start, and again at each SIGUSR1. Timers are not
touched, as those of a machine whose clock is set are not.
"""

import runpy
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

MODULE = "stub_federation.shifted_clock"


def shift(file: Path, clock: Callable[[], float] = time.time) -> None:
    """Replace the clock; to be called before the modules are imported that take it."""
    off = 0.0

    def read(*_: object) -> None:
        nonlocal off
        off = float(file.read_text(encoding="ascii"))

    read()
    signal.signal(signal.SIGUSR1, read)
    time.time = lambda: clock() + off


if __name__ == "__main__":
    shift(Path(sys.argv[1]))
    del sys.argv[:2]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
