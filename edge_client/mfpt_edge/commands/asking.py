"""Questions that only the owner of a device can answer, and the terminal before which he may sit."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from mfpt_edge.engine.owner import Owner
from mfpt_shared.streams import tell
from mfpt_shared.texts import printable_lines


class OwnerAtTerminal:
    """The owner, before the terminal that the program was started from. See Owner."""

    def __init__(self, paused: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
        """Look at nothing yet.

        Args:
            paused: Keeps what moves on the terminal still until its context ends.
        """
        self._paused = paused

    def is_there(self) -> bool:
        """See Owner.is_there."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    def answer(self, question: str) -> str:
        """See Owner.answer."""
        if not self.is_there():
            return ""
        with self._paused():
            tell(f"{printable_lines(question)} ")
            return sys.stdin.readline().strip()


def agreed(question: str, owner: Owner) -> bool:
    """Tell whether the owner says yes."""
    return owner.answer(f"{question} [y/N]").lower() in ("y", "yes")
