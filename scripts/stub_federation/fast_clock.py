"""Runs a module with a faster clock: `python -m stub_federation.fast_clock SPEED MODULE ARGUMENTS`.

Both clocks of the process and the timers of its event loop go SPEED times as fast as the machine's. Threads that wait
do so in real time, and so do other processes.
"""

import asyncio
import runpy
import selectors
import sys
import time
from collections.abc import Callable
from typing import Any

MODULE = "stub_federation.fast_clock"


def quicken(speed: float) -> None:
    """Replace clocks and event loops; to be called before the modules are imported that take them."""
    time.time = _faster(time.time, speed)
    time.monotonic = _faster(time.monotonic, speed)
    asyncio.set_event_loop_policy(_Policy(speed))


def _faster(clock: Callable[[], float], speed: float) -> Callable[[], float]:
    began = clock()
    return lambda: began + speed * (clock() - began)


class _Policy(asyncio.DefaultEventLoopPolicy):
    """Makes event loops that wait for shorter than their timers say."""

    def __init__(self, speed: float) -> None:
        super().__init__()
        self._speed = speed

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.SelectorEventLoop(_Selector(self._speed))


class _Selector(selectors.DefaultSelector):
    def __init__(self, speed: float) -> None:
        super().__init__()
        self._speed = speed

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, Any]]:
        return super().select(None if timeout is None else timeout / self._speed)


if __name__ == "__main__":
    quicken(float(sys.argv[1]))
    del sys.argv[:2]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
