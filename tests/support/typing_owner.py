"""An owner who sits before a terminal and has typed answers already."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


class Screen:
    """What was shown on a terminal so far."""

    def __init__(self, screen: int) -> None:
        self._screen = screen

    def text(self, until: str) -> str:
        """Return what is shown, once the last words of it are there."""
        shown = ""
        while until not in shown:
            shown += os.read(self._screen, 65536).decode()
        return shown


@contextmanager
def typing(monkeypatch: pytest.MonkeyPatch, typed: str) -> Iterator[Screen]:
    """Give a terminal to this process on which somebody has typed something."""
    screen, inner = os.openpty()
    with os.fdopen(inner, "r", encoding="utf-8") as keys, os.fdopen(os.dup(inner), "w", encoding="utf-8") as shown:
        monkeypatch.setattr("sys.stdin", keys)
        monkeypatch.setattr("sys.stderr", shown)
        os.write(screen, typed.encode())
        yield Screen(screen)
    os.close(screen)
