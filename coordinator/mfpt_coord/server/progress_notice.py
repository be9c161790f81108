"""When the coordinator says how far the next version is: if that has changed, and was not said a moment ago."""

import math
from typing import Final

from mfpt_coord.core.progress import progress
from mfpt_coord.core.state import State
from mfpt_coord.server.channel import Channel
from mfpt_shared.protocol.messages import Progress

PROGRESS_SECONDS: Final = 3.0
"""Shortest time between two notices..."""
DEVICES_PER_SECOND: Final = 200
"""...in a federation that is not so large that they would be more messages than this for its broker, every second."""


class ProgressNotice:
    """Publishes how far the next version is.

    Attributes:
        next_deadline: When there is something to look at, seconds; infinity while nothing has changed.
    """

    def __init__(self, channel: Channel) -> None:
        """Prepare to publish on a channel."""
        self._channel = channel
        self._looked: State | None = None
        self._shown: Progress | None = None
        self._due = -math.inf
        self.next_deadline = math.inf

    def follow(self, state: State, at: float) -> None:
        """Publish how a state stands if that is news.

        Args:
            state: The coordinator's state, as it is saved.
            at: Time, by the clock of the state's times.
        """
        if at < self._due:
            self.next_deadline = math.inf if state is self._looked else self._due
            return
        self._looked, self.next_deadline = state, math.inf
        self._due = at + max(PROGRESS_SECONDS, len(state.clients) / DEVICES_PER_SECOND)
        said = progress(state, at)
        if said != self._shown and self._channel.is_up:
            self._shown = said
            self._channel.publish_progress(said)

    def repeat(self) -> None:
        """Publish again with the next look: the broker may have lost what it kept."""
        self._looked = self._shown = None
