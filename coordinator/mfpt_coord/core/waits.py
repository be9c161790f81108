"""What each device does or waits for, as an operator is told it: one word for each, by the state and the time."""

from collections.abc import Container
from typing import Final, Literal, get_args

from mfpt_coord.core.client import Client
from mfpt_coord.core.schedule import holding
from mfpt_coord.core.state import State

Wait = Literal[
    "late", "rejected", "prompt", "preparing", "masks", "place", "training", "uploading", "version", "done", "offline"
]
"""late: it is past its time, and another one may have its place; rejected: its last update was, and it pauses; prompt:
its language gets its first prompt once distances are known; preparing: it has not said that it can train; masks: it
holds its update until enough others offer theirs; place: as many as may are at work; training, uploading: it is at
work; version: it has trained from the newest one, and waits for the next; done: it makes no more rounds; offline: it is
not there, or nobody trains any more."""
WAITS: Final[tuple[Wait, ...]] = get_args(Wait)


class Waits:
    """Tells what devices wait for, as of one state and time."""

    def __init__(self, state: State, at: float) -> None:
        """Look at a state; `at` is in Unix seconds, by the clock of the state's times."""
        self._state, self._at = state, at
        self._holding: Container[str] = holding(state)

    def of(self, client: Client) -> Wait:
        """Return what a device does or waits for."""
        if not client.is_online(self._at):
            return "offline"
        if client.phase == "done":
            return "done"
        if client.assignment is not None:
            return self._at_work(client)
        if self._at < client.retry_at:
            return "rejected"
        if client.id in self._holding:
            return "masks"
        return self._idle(client)

    def _at_work(self, client: Client) -> Wait:
        if not client.is_at_work(self._at):
            return "late"
        return "uploading" if client.phase == "uploading" else "training"

    def _idle(self, client: Client) -> Wait:
        if not client.ready:
            return "preparing"
        if client.language not in self._state.prompts:
            return "prompt"
        return "version" if client.contributed >= self._state.version else "place"
