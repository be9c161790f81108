"""Questions to the owner of a device, in a terminal."""

import sys
from contextlib import AbstractContextManager
from typing import Protocol

from mfpt_shared.streams import tell
from mfpt_shared.texts import printable_lines


class Terminal(Protocol):
    """Where the owner is asked."""

    def paused(self) -> AbstractContextManager[None]:
        """Show nothing that moves until the context ends."""


def is_there() -> bool:
    """Tell whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def answered(question: str, terminal: Terminal) -> str:
    """Return what the owner answers; nothing where he cannot be asked."""
    if not is_there():
        return ""
    with terminal.paused():
        tell(f"{printable_lines(question)} ")
        return sys.stdin.readline().strip()


def agreed(question: str, terminal: Terminal) -> bool:
    """Tell whether the owner says yes."""
    return answered(f"{question} [y/N]", terminal).lower() in ("y", "yes")
