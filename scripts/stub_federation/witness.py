"""A transport that tells of what passes: which updates were acknowledged, and what they were."""

from collections.abc import Callable

from mfpt_shared.errors import DecodeError
from mfpt_shared.protocol.codec import decode, opened, understand
from mfpt_shared.protocol.identity import update_digest
from mfpt_shared.protocol.messages import Ack, Update
from mfpt_shared.protocol.topics import CLIENT_DOWN, CLIENT_UP
from mfpt_shared.transport.base import QOS, Disconnected, Event, Inbound, Qos, Transport
from stub_federation.reports import Acknowledged, AnyReport, Lost


class Witness:
    """Stands between a device and its transport. See `mfpt_shared.transport.base.Transport`."""

    def __init__(self, inner: Transport, federation: str, device: str, tell: Callable[[AnyReport], None]) -> None:
        """Stand before a transport.

        Args:
            inner: Transport of the device.
            federation: Name of the federation.
            device: Id of the device.
            tell: Takes what was seen.
        """
        self._inner = inner
        self._federation = federation
        self._device = device
        self._tell = tell
        self._up = CLIENT_UP.path(federation, device)
        self._down = CLIENT_DOWN.path(federation, device)
        self._sent: dict[int, str] = {}

    async def connect(self) -> None:
        """See Transport.connect."""
        await self._inner.connect()

    def subscribe(self, *filters: str, qos: Qos = QOS) -> None:
        """See Transport.subscribe."""
        self._inner.subscribe(*filters, qos=qos)

    def unsubscribe(self, *filters: str) -> None:
        """See Transport.unsubscribe."""
        self._inner.unsubscribe(*filters)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: Qos = QOS) -> None:
        """See Transport.publish."""
        if topic == self._up:
            self._note(payload)
        self._inner.publish(topic, payload, retain=retain, qos=qos)

    def _note(self, payload: bytes) -> None:
        """Remember what an update was: as stored, without its seal."""
        found = opened(self._up, payload, self._federation)
        if found is not None and isinstance(message := decode(CLIENT_UP, found.content), Update):
            self._sent[message.header.sequence] = update_digest(found.content).hex()

    async def receive(self) -> list[Event]:
        """See Transport.receive."""
        events = await self._inner.receive()
        for event in events:
            if isinstance(event, Disconnected) and event.attempts == 0:
                self._tell(Lost(self._device))
            if isinstance(event, Inbound) and event.topic == self._down:
                self._look_at(event)
        return events

    def _look_at(self, inbound: Inbound) -> None:
        try:
            received = understand(self._down, inbound.payload, self._federation)
        except DecodeError:
            return
        if received is not None and isinstance(received.message, Ack):
            sequence = received.message.sequence
            self._tell(Acknowledged(self._device, sequence, self._sent.get(sequence, "")))

    async def flush(self, timeout: float) -> bool:
        """See Transport.flush."""
        return await self._inner.flush(timeout)

    async def close(self) -> None:
        """See Transport.close."""
        await self._inner.close()
