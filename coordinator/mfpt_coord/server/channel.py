"""The coordinator's end of the protocol: its topics on a transport, and what the bytes on them mean."""

from dataclasses import dataclass
from typing import Literal

from mfpt_coord.core.events import ClientSaid, Event, UpdateArrived
from mfpt_shared.errors import DecodeError
from mfpt_shared.plan import Plan
from mfpt_shared.protocol import codec
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import (
    ClientState,
    CoordinatorState,
    Down,
    EvaluationReport,
    FederationStatus,
    Prompt,
    Ready,
    Update,
)
from mfpt_shared.protocol.topics import (
    CLIENT_DOWN,
    CLIENT_STATE,
    CLIENT_UP,
    COORDINATOR_STATE,
    COORDINATOR_STATUS,
    PLAN,
    PROMPT,
)
from mfpt_shared.transport.base import Event as TransportEvent
from mfpt_shared.transport.base import Inbound, Transport, Will


@dataclass(frozen=True, slots=True)
class CoordinatorIdentity:
    """Who this coordinator is.

    Attributes:
        id: Name that the store keeps, the same at every start.
        started: When this run began, Unix seconds.
    """

    id: str
    started: float


def coordinator_will(federation: str, identity: CoordinatorIdentity) -> Will:
    """Return the last will of a coordinator."""
    return Will(COORDINATOR_STATE.path(federation), encode(_state(identity, 0, online=False)))


def understand(inbound: Inbound, federation: str, at: float) -> Event | None:
    """Return what a message means to the core; None where a retained message was removed.

    Args:
        inbound: Message from the broker.
        federation: Name of the federation.
        at: Time, Unix seconds.

    Raises:
        DecodeError: The message is damaged, or not from a device; it can be ignored.
    """
    address, message = codec.understand(inbound.topic, inbound.payload, federation)
    match message:
        case None:
            return None
        case Update():
            return UpdateArrived(at, address.key, message, inbound.payload)
        case ClientState() | Ready() | EvaluationReport():
            return ClientSaid(at, address.key, message)
        case _:
            raise DecodeError(f"a {type(message).__name__} does not come from a device")


class Channel:
    """What a coordinator sends and receives."""

    def __init__(self, transport: Transport, federation: str, identity: CoordinatorIdentity) -> None:
        """Prepare for a federation.

        Args:
            transport: Connection to the broker, with `coordinator_will` as its will.
            federation: Name of the federation.
            identity: Who the coordinator is.
        """
        self._transport = transport
        self._federation = federation
        self._identity = identity

    async def connect(self) -> None:
        """Connect for the first time; see Transport.connect."""
        await self._transport.connect()

    async def receive(self) -> list[TransportEvent]:
        """See Transport.receive."""
        return await self._transport.receive()

    def subscribe(self) -> None:
        """Subscribe to everything that devices publish; the broker sends their retained states first."""
        self._transport.subscribe(CLIENT_STATE.path(self._federation), CLIENT_UP.path(self._federation))

    def publish_plan(self, plan: Plan) -> None:
        """Publish what all devices follow; the broker keeps it."""
        self._transport.publish(PLAN.path(self._federation), encode(plan), retain=True)

    def publish_prompt(self, prompt: Prompt) -> None:
        """Publish a prompt on its language's topic; the broker keeps it."""
        self._transport.publish(PROMPT.path(self._federation, prompt.header.language), encode(prompt), retain=True)

    def publish_state(self, version: int, *, online: bool = True) -> None:
        """Publish whether the coordinator is there, and its newest version; the broker keeps it."""
        message = _state(self._identity, version, online=online)
        self._transport.publish(COORDINATOR_STATE.path(self._federation), encode(message), retain=True)

    def publish_status(self, status: FederationStatus) -> None:
        """Publish what `mfpt-coord status` shows; the broker keeps it."""
        self._transport.publish(COORDINATOR_STATUS.path(self._federation), encode(status), retain=True)

    def send(self, client: str, message: Down) -> None:
        """Send a message to one device."""
        self._transport.publish(CLIENT_DOWN.path(self._federation, client), encode(message))

    async def close(self, flush_seconds: float) -> None:
        """Disconnect in order, once the broker has confirmed everything or the time is up."""
        await self._transport.flush(flush_seconds)
        await self._transport.close()


def _state(identity: CoordinatorIdentity, version: int, *, online: bool) -> CoordinatorState:
    state: Literal["online", "offline"] = "online" if online else "offline"
    return CoordinatorState(state=state, coordinator=identity.id, version=version, started=identity.started)
