"""Watches over the broker: sends the coordinator's beats, hears them, and acts if they do not come back."""

import logging
from collections.abc import Callable
from typing import Final

from mfpt_coord.server.channel import Channel, CoordinatorIdentity
from mfpt_coord.server.pulse import Deaf, Pulse, SendBeat, TooLong
from mfpt_shared.errors import DecodeError
from mfpt_shared.protocol import codec
from mfpt_shared.protocol.messages import Beat
from mfpt_shared.protocol.topics import COORDINATOR_BEAT, ROOT
from mfpt_shared.transport.base import Connected, Disconnected, Event, Inbound

Revive = Callable[[int], None]
"""Starts a broker again that does not deliver; it is told how often this was found since it last did, from 1."""

SESSION_BEATS: Final = 15
"""Beats after which the broker is asked to write down its record of the coordinator's session once more."""
RAISE_LIMIT: Final = (
    "raise its limit on the length of messages (nats-server: max_payload, Mosquitto: message_size_limit)"
)

_log = logging.getLogger(__name__)


class BrokerWatch:
    """Hears the broker's pulse.

    Attributes:
        round_trip: Time in which the newest beat came back, seconds; None: none has, on this connection.
    """

    def __init__(
        self, channel: Channel, federation: str, identity: CoordinatorIdentity, size: int, revive: Revive | None
    ) -> None:
        """Prepare for a connection.

        Args:
            channel: Where beats go.
            federation: Name of the federation.
            identity: Who the coordinator is.
            size: Length of the longest message of the federation, bytes.
            revive: Starts the broker again; None: it is not the coordinator's.
        """
        self._channel = channel
        self._federation = federation
        self._identity = identity
        self._pulse = Pulse(size)
        self._revive = revive
        self._sent = (0, 0.0)
        self.round_trip: float | None = None

    @property
    def delivers(self) -> bool:
        """Whether the broker is connected, and what is sent comes back from it."""
        return self.round_trip is not None and self._pulse.is_steady

    @property
    def next_deadline(self) -> float:
        """When there is something to do even if nothing is heard, in the channel's time."""
        return self._pulse.next_deadline

    def begin(self, at: float) -> None:
        """Begin to wait for the first connection."""
        self._pulse.begin(at)

    def follow(self, event: Event, at: float) -> bool:
        """Take an event of the transport; tell whether it was a beat of this coordinator, and means nothing else."""
        match event:
            case Connected():
                self._pulse.connected(at)
            case Disconnected():
                self._pulse.lost(at)
                self.round_trip = None
            case Inbound() if event.topic == COORDINATOR_BEAT.path(self._federation):
                return self._heard(event, at)
        return False

    def act(self, at: float, version: int) -> None:
        """Do what is due.

        Args:
            at: Time, as the channel tells it.
            version: Newest version of the prompts.
        """
        match self._pulse.due(at):
            case SendBeat(number, size):
                self._sent = (number, at)
                self._channel.publish_beat(number, version, size)
                if number % SESSION_BEATS == 0:
                    self._channel.renew_session()
            case Deaf() as deaf:
                self._found_deaf(deaf)
            case TooLong(size):
                _log.error(
                    "the broker does not pass messages of %s bytes, the longest of this federation, so devices may get "
                    "no prompt; %s",
                    f"{size:,}",
                    RAISE_LIMIT,
                )

    def _heard(self, inbound: Inbound, at: float) -> bool:
        try:
            received = codec.understand(inbound.topic, inbound.payload, self._federation)
        except DecodeError:
            return False
        if received is None or received.signer != self._identity.key.public or not isinstance(received.message, Beat):
            return False
        if received.message.epoch == self._identity.epoch:
            self._pulse.heard(received.message.number)
            sent, began = self._sent
            if received.message.number == sent:
                self.round_trip = at - began
        return True

    def _found_deaf(self, deaf: Deaf) -> None:
        if self._revive is not None:
            self._revive(deaf.times)
        elif deaf.cuts:
            _log.error("the broker ends every connection after a moment: is its disk full? Or %s", RAISE_LIMIT)
        elif deaf.connected:
            _log.error(
                "the broker takes messages, but delivers none: restart it, and see that the coordinator's user may "
                "read and write %s/%s/#",
                ROOT,
                self._federation,
            )
            self._channel.subscribe_again()
