"""The coordinator's end of the protocol: its topics on a transport, and the bytes that go through them."""

import logging
from dataclasses import dataclass
from typing import Final, Literal

from mfpt_shared.errors import DecodeError
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.codec import Decoded, decode, encode
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
    Address,
    parse,
)
from mfpt_shared.transport.base import Connected, Disconnected, Inbound, Transport, Will

_FROM_DEVICES: Final = (CLIENT_STATE, CLIENT_UP)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CoordinatorIdentity:
    """Who this coordinator is.

    Attributes:
        id: Name that the store keeps, the same at every start.
        started: When this run began, Unix seconds.
    """

    id: str
    started: float


@dataclass(frozen=True, slots=True)
class FromDevice:
    """A message from a device; `payload` is the bytes that it came in."""

    client: str
    message: ClientState | Ready | EvaluationReport | Update
    payload: bytes


def coordinator_will(federation: str, identity: CoordinatorIdentity) -> Will:
    """Return the last will of a coordinator."""
    return Will(COORDINATOR_STATE.path(federation), encode(_state(identity, 0, online=False)))


def understand(inbound: Inbound, federation: str) -> tuple[Address, Decoded]:
    """Return where a message came from and what it says.

    Raises:
        DecodeError: It is not a message of this federation.
    """
    address = parse(inbound.topic, federation)
    return address, decode(address.topic, inbound.payload)


class Channel:
    """What a coordinator says and hears."""

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

    async def receive(self) -> list[FromDevice | Connected | Disconnected]:
        """Return what came since the last call, in order.

        A message that cannot be read is logged and left out, so that the list may be empty.
        """
        heard: list[FromDevice | Connected | Disconnected] = []
        for event in await self._transport.receive():
            if not isinstance(event, Inbound):
                heard.append(event)
            elif (message := self._from_device(event)) is not None:
                heard.append(message)
        return heard

    def subscribe(self) -> None:
        """Ask for everything that devices say, their retained states first."""
        self._transport.subscribe(*(topic.path(self._federation) for topic in _FROM_DEVICES))

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
        """Tell one device something."""
        self._transport.publish(CLIENT_DOWN.path(self._federation, client), encode(message))

    async def close(self, flush_seconds: float) -> None:
        """Disconnect in order, once the broker has confirmed everything or the time is up."""
        await self._transport.flush(flush_seconds)
        await self._transport.close()

    def _from_device(self, inbound: Inbound) -> FromDevice | None:
        if not inbound.payload:  # a retained message was removed
            return None
        try:
            address, message = understand(inbound, self._federation)
        except DecodeError as error:
            _log.warning("ignored a message on %s: %s", inbound.topic[:200], error)
            return None
        if address.topic in _FROM_DEVICES and isinstance(message, ClientState | Ready | EvaluationReport | Update):
            return FromDevice(address.key, message, inbound.payload)
        return None


def _state(identity: CoordinatorIdentity, version: int, *, online: bool) -> CoordinatorState:
    state: Literal["online", "offline"] = "online" if online else "offline"
    return CoordinatorState(state=state, coordinator=identity.id, version=version, started=identity.started)
