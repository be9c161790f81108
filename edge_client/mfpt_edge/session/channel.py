"""A device's end of the protocol: its own topics on a transport, and the bytes that go through them."""

from collections.abc import Callable
from typing import Final

from mfpt_edge.storage.device_folder import Identity
from mfpt_shared.protocol.codec import Decoded, decode, encode
from mfpt_shared.protocol.messages import ClientState, EvaluationReport, Ready
from mfpt_shared.protocol.topics import CLIENT_DOWN, CLIENT_STATE, CLIENT_UP, COORDINATOR_STATE, PLAN, PROMPT, parse
from mfpt_shared.transport.base import Event, Inbound, Transport, Will

# MQTT's fixed header, topic length and packet id, for a payload of a few kilobytes.
PACKET_OVERHEAD: Final = 7


def client_will(federation: str, identity: Identity) -> Will:
    """Return the last will of a device."""
    gone = ClientState(state="offline", language=identity.language)
    return Will(CLIENT_STATE.path(federation, identity.client), encode(gone))


class Link:
    """What a device says and hears.

    Attributes:
        bytes_up: payloads, topics and packet headers that were published.
        bytes_down: likewise, received.
    """

    def __init__(
        self, transport: Transport, federation: str, identity: Identity, on_traffic: Callable[[int, int], None]
    ) -> None:
        """Prepare for a federation.

        Args:
            transport: with `client_will` as its will.
            federation: name.
            identity: of the device.
            on_traffic: called with the bytes up and down so far, whenever they change.
        """
        self._transport = transport
        self._federation = federation
        self._identity = identity
        self._on_traffic = on_traffic
        self.bytes_up = 0
        self.bytes_down = 0

    async def receive(self) -> list[Event]:
        """See Transport.receive."""
        return await self._transport.receive()

    def subscribe(self) -> None:
        """Ask for all that concerns this device, retained messages first."""
        name, identity = self._federation, self._identity
        # In this order: the plan says how to read a prompt, and the coordinator's state what to do next.
        for topic in (
            PLAN.path(name),
            PROMPT.path(name, identity.language),
            CLIENT_DOWN.path(name, identity.client),
            COORDINATOR_STATE.path(name),
        ):
            self._transport.subscribe(topic)

    def understand(self, inbound: Inbound) -> Decoded | None:
        """Return the message that came; None if a retained one was removed.

        Raises:
            DecodeError: it is none.
        """
        self.bytes_down += len(inbound.topic) + len(inbound.payload) + PACKET_OVERHEAD
        self._on_traffic(self.bytes_up, self.bytes_down)
        return decode(parse(inbound.topic, self._federation).topic, inbound.payload) if inbound.payload else None

    def is_plan(self, topic: str) -> bool:
        """Tell whether a message came on the plan's topic."""
        return topic == PLAN.path(self._federation)

    def publish_state(self, state: ClientState) -> None:
        """Publish what the device is doing; the broker keeps it."""
        self._publish(CLIENT_STATE.path(self._federation, self._identity.client), encode(state), retain=True)

    def send(self, message: Ready | EvaluationReport) -> None:
        """Tell the coordinator something."""
        self.send_update(encode(message))

    def send_update(self, payload: bytes) -> None:
        """Send an update as the outbox keeps it."""
        self._publish(CLIENT_UP.path(self._federation, self._identity.client), payload, retain=False)

    async def close(self, flush_seconds: float) -> bool:
        """Disconnect in order; tell whether the broker has confirmed everything."""
        confirmed = await self._transport.flush(flush_seconds)
        await self._transport.close()
        return confirmed

    def _publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        self.bytes_up += len(topic) + len(payload) + PACKET_OVERHEAD
        self._on_traffic(self.bytes_up, self.bytes_down)
        self._transport.publish(topic, payload, retain=retain)
