"""What the coordinator and the edge client need from a message broker, as a protocol with two implementations.

`mqtt.MqttTransport` talks to a real broker, `in_process.MemoryTransport` to one inside the process. The same tests run
over both.
"""

from dataclasses import dataclass
from typing import Final, Literal, Protocol

Qos = Literal[0, 1]
"""Quality of service of MQTT: 0 is at most once, 1 at least once."""

QOS: Final = 1
"""What is published, unless something else is asked for."""
PACKET_OVERHEAD: Final = 7
"""Bytes of MQTT's fixed header, topic length and packet id, for a payload of a few kilobytes."""


@dataclass(frozen=True, slots=True)
class Will:
    """The message that the broker publishes (retained, QoS 1) when this side vanishes."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message from the broker."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Connected:
    """The connection is up, for the first time or again. Subscriptions and birth messages are due."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is lost, and the transport keeps trying.

    Attributes:
        reason: What is known about why, for people.
        attempts: Attempts that have failed since the connection was last up.
        refused: Whether the broker said that it does not accept the credentials.
    """

    reason: str
    attempts: int
    refused: bool = False


@dataclass(frozen=True, slots=True)
class SubscriptionRefused:
    """The broker does not let this client read some topics, or has no room for that.

    MQTT 3.1.1 knows no reason but "failure" (section 3.9.3). Each filter is named once in the life of a transport.
    """

    filters: tuple[str, ...]

    def __str__(self) -> str:
        """Return a sentence for people."""
        return (
            f"the broker does not let this user read {', '.join(self.filters)}; has it room for one more, and is that "
            "the federation's name?"
        )


Event = Inbound | Connected | Disconnected | SubscriptionRefused


class Transport(Protocol):
    """A connection to a broker."""

    async def connect(self) -> None:
        """Connect; the first event is then `Connected`. The transport itself reconnects after a later loss.

        Raises:
            ConnectionFailed: Nothing listens there, or what listens is not an MQTT broker.
            AuthenticationFailed: The broker refused the credentials, or has the wrong certificate.
            TimedOut: No answer came.
        """

    def subscribe(self, *filters: str, qos: Qos = QOS) -> None:
        """Subscribe to topic filters; retained messages come first. What is refused comes as an event.

        A filter that is subscribed to already is replaced, and its retained messages come again.

        Args:
            filters: Topic filters.
            qos: Quality of service. With 1, a broker may queue what comes, and keeps an account of it for each
                subscriber; 0 is enough for what it retains anyway.
        """

    def unsubscribe(self, *filters: str) -> None:
        """Take subscriptions back: after a while, nothing more comes by these filters."""

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: Qos = QOS) -> None:
        """Queue a message; while the connection is down, it waits in this process.

        Args:
            topic: Where it goes.
            payload: What it says.
            retain: Whether the broker keeps it.
            qos: Quality of service. With 1, it is sent until the broker confirms it; with 0, once.
        """

    async def receive(self) -> list[Event]:
        """Return everything that came since the last call, in order; at least one event."""

    async def flush(self, timeout: float) -> bool:
        """Wait until the broker has confirmed every message; tell whether it did so within `timeout` seconds."""

    async def close(self) -> None:
        """Disconnect in order: the will is not published."""


def packet_size(topic: str, payload: bytes) -> int:
    """Return what a message takes on the wire, bytes."""
    return len(topic) + len(payload) + PACKET_OVERHEAD
