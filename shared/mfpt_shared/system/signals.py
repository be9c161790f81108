"""How the system asks a program to end: signals everywhere, and on Windows closed windows too."""

import _thread
import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Final

if sys.platform == "win32":
    import win32api

_SIGNALS: Final = tuple(number for number in signal.Signals if number.name in ("SIGTERM", "SIGBREAK"))
_EVENTS_OF_PYTHON: Final = (0, 1)  # CTRL_C_EVENT and CTRL_BREAK_EVENT, wincon.h: it makes signals of them
_CLOSING_SECONDS: Final = 60.0
"""Longer than Windows waits for a program whose window was closed (5 s), or whose user logs off (20 s)."""


@contextlib.contextmanager
def asked_to_end(obey: Callable[[], None]) -> Iterator[None]:
    """Call a function in the main thread whenever the system asks the process to end, until the context ends.

    That is SIGTERM; on Windows also Ctrl-Break (SIGBREAK), a closed window, and the end of a user's session. Only the
    main thread may say so. Ctrl-C is not meant here: Python makes it a KeyboardInterrupt on every system.

    Args:
        obey: Called between two steps of what the main thread does.
    """

    def handle(_number: int, _frame: FrameType | None) -> None:
        obey()

    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        with _windows_that_close():
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _windows_that_close() -> Iterator[None]:
    """Let a window that is closed do what SIGTERM does, and give the process as much time to end as Windows has."""
    if sys.platform == "win32":
        win32api.SetConsoleCtrlHandler(_close, True)
        try:
            yield
        finally:
            win32api.SetConsoleCtrlHandler(_close, False)
    else:
        yield


def _close(event: int) -> bool:
    """Handle an event of a console, in a thread of its own; tell whether no other handler is needed."""
    if event in _EVENTS_OF_PYTHON:
        return False
    _thread.interrupt_main(signal.SIGTERM)
    time.sleep(_CLOSING_SECONDS)  # the process ends as soon as this returns: it is for the main thread to end it
    return True
