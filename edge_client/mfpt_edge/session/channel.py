"""A device's end of the protocol: its own topics on a transport, and what the bytes on them mean."""

from typing import Final

from mfpt_edge.core.events import CoordinatorSeen, Event, PlanReceived, PromptReceived, Told
from mfpt_edge.storage.device_folder import Identity
from mfpt_shared.errors import DecodeError, Incompatible
from mfpt_shared.plan import Plan
from mfpt_shared.protocol import codec
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import (
    Ack,
    Assign,
    ClientState,
    CoordinatorState,
    EvaluationReport,
    Prompt,
    Ready,
    Reject,
    Resync,
    Stop,
)
from mfpt_shared.protocol.topics import CLIENT_DOWN, CLIENT_STATE, CLIENT_UP, COORDINATOR_STATE, PLAN, PROMPT
from mfpt_shared.tensors import check_layout, dense, layout
from mfpt_shared.transport.base import Event as TransportEvent
from mfpt_shared.transport.base import Inbound, Transport, Will

PACKET_OVERHEAD: Final = 7
"""Bytes of MQTT's fixed header, topic length and packet id, for a payload of a few kilobytes."""


def client_will(federation: str, identity: Identity) -> Will:
    """Return the last will of a device."""
    gone = ClientState(state="offline", language=identity.language)
    return Will(CLIENT_STATE.path(federation, identity.client), encode(gone))


def understand(inbound: Inbound, federation: str, plan: Plan | None, at: float) -> Event | None:
    """Return what a message means to the core; None where a retained message was removed.

    Args:
        inbound: Message from the broker.
        federation: Name of the federation.
        plan: Plan that the device follows; its prompts must have the plan's layout.
        at: Time, Unix seconds.

    Raises:
        DecodeError: The message is damaged, or not meant for a device; it can be ignored.
        Incompatible: It is a plan that this version of mfpt cannot follow.
    """
    try:
        message = codec.understand(inbound.topic, inbound.payload, federation).message
    except DecodeError as error:
        if inbound.topic != PLAN.path(federation):
            raise
        raise Incompatible(
            f"cannot follow the federation's plan: {error}; is this mfpt older than the coordinator's?"
        ) from error
    match message:
        case None:
            return None
        case Plan():
            return PlanReceived(at, message)
        case Prompt():
            _check_prompt(message, plan)
            return PromptReceived(at, message)
        case CoordinatorState():
            return CoordinatorSeen(at, message)
        case Assign() | Ack() | Reject() | Resync() | Stop():
            return Told(at, message)
        case _:
            raise DecodeError(f"a {type(message).__name__} is not meant for a device")


def _check_prompt(prompt: Prompt, plan: Plan | None) -> None:
    if plan is None or prompt.header.plan != plan.digest:
        return  # the core ignores prompts of other plans
    try:
        check_layout(dense(prompt.state), layout(plan))
    except Incompatible as error:
        raise DecodeError(f"version {prompt.header.version} of the prompt does not fit its plan: {error}") from error


class Channel:
    """What a device sends and receives.

    Attributes:
        bytes_up: Payloads, topics and packet headers that were published.
        bytes_down: Payloads, topics and packet headers that were received.
    """

    def __init__(self, transport: Transport, federation: str, identity: Identity) -> None:
        """Prepare for a federation.

        Args:
            transport: Connection to the broker, with `client_will` as its will.
            federation: Name of the federation.
            identity: Identity of the device.
        """
        self._transport = transport
        self._federation = federation
        self._identity = identity
        self.bytes_up = 0
        self.bytes_down = 0

    async def receive(self) -> list[TransportEvent]:
        """See Transport.receive."""
        events = await self._transport.receive()
        self.bytes_down += sum(_size(event.topic, event.payload) for event in events if isinstance(event, Inbound))
        return events

    def subscribe(self) -> None:
        """Subscribe to everything that concerns this device; the broker sends retained messages first."""
        name, identity = self._federation, self._identity
        # In this order: the plan says how to read a prompt, and the coordinator's state what to do next.
        for topic in (
            PLAN.path(name),
            PROMPT.path(name, identity.language),
            CLIENT_DOWN.path(name, identity.client),
            COORDINATOR_STATE.path(name),
        ):
            self._transport.subscribe(topic)

    def publish_state(self, state: ClientState) -> None:
        """Publish what the device is doing; the broker keeps it."""
        self._publish(CLIENT_STATE.path(self._federation, self._identity.client), encode(state), retain=True)

    def send(self, message: Ready | EvaluationReport) -> None:
        """Send a message to the coordinator."""
        self.send_update(encode(message))

    def send_update(self, payload: bytes) -> None:
        """Send an update, encoded as it is in the outbox."""
        self._publish(CLIENT_UP.path(self._federation, self._identity.client), payload, retain=False)

    async def close(self, flush_seconds: float) -> bool:
        """Disconnect in order; tell whether the broker has confirmed everything."""
        confirmed = await self._transport.flush(flush_seconds)
        await self._transport.close()
        return confirmed

    def _publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        self.bytes_up += _size(topic, payload)
        self._transport.publish(topic, payload, retain=retain)


def _size(topic: str, payload: bytes) -> int:
    return len(topic) + len(payload) + PACKET_OVERHEAD
