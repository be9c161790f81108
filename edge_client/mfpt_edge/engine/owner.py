"""The owner of a device, whoever asks him, and wherever."""

from typing import Protocol


class Owner(Protocol):
    """The owner of a device, wherever he is asked: before a terminal, or before a page."""

    def is_there(self) -> bool:
        """Tell whether he can be asked."""

    def answer(self, question: str) -> str:
        """Return what he answers, in one line; nothing where he cannot be asked. Blocks; any thread may call it."""
