"""How a device goes: it says so, and waits for the broker to confirm everything, where anybody listens."""

import logging
from typing import Final

from mfpt_edge.session.channel import Channel
from mfpt_edge.session.status_publisher import StatusPublisher
from mfpt_shared.protocol.messages import Leaving

FLUSH_SECONDS: Final = 10.0
"""Longest time that the device waits at the end for the broker to confirm what it sent."""

_log = logging.getLogger(__name__)


class Farewell:
    """What is said at the end.

    Attributes:
        is_excluded: Whether the federation has excluded the device: nobody listens.
        forgets: Whether the device asks to be forgotten.
        was_heard: Whether a broker has confirmed that, with a coordinator behind it.
    """

    def __init__(self, channel: Channel, status: StatusPublisher) -> None:
        """Say nothing yet.

        Args:
            channel: Where it is said.
            status: What the device publishes of itself.
        """
        self._channel = channel
        self._status = status
        self.is_excluded = False
        self.forgets = False
        self.was_heard = False

    async def say(self, *, connected: bool, coordinator: bool) -> None:
        """Say it, and disconnect in order.

        Args:
            connected: Whether the connection to the broker is up.
            coordinator: Whether a coordinator is there.
        """
        if self.forgets and connected and not self.is_excluded:
            self._channel.forget_state()
            self._channel.send(Leaving(forget=True))
        else:
            self._status.say_goodbye()
        somebody_listens = connected and not self.is_excluded
        confirmed = await self._channel.close(FLUSH_SECONDS if somebody_listens else 0.0)
        self.was_heard = confirmed and somebody_listens and coordinator
        if not (confirmed or self.is_excluded or self.forgets):
            _log.warning("the broker did not confirm everything; the rest is sent next time")
