"""What may be told of the coordinator's work while it goes on; the core knows nothing of it."""

from typing import Protocol


class Observer(Protocol):
    """Is told what was done and how long it took. It must be quick: the coordinator waits for it."""

    def took(self, events: int, seconds: float) -> None:
        """Note that a batch of events was handled."""

    def folded(self, seconds: float) -> None:
        """Note that a new version was computed; it is not saved yet."""

    def saved(self, seconds: float) -> None:
        """Note that a commit succeeded."""

    def not_saved(self) -> None:
        """Note that a commit failed."""


class Unobserved:
    """An Observer for a coordinator that nobody measures."""

    def took(self, events: int, seconds: float) -> None:
        """See Observer.took."""

    def folded(self, seconds: float) -> None:
        """See Observer.folded."""

    def saved(self, seconds: float) -> None:
        """See Observer.saved."""

    def not_saved(self) -> None:
        """See Observer.not_saved."""
