"""A device's end of the protocol: its own topics on a transport, and what the bytes on them mean."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from mfpt_edge.core.events import (
    CoordinatorSeen,
    Event,
    PlanReceived,
    ProgressSeen,
    PromptReceived,
    RelationsSeen,
    Told,
)
from mfpt_edge.session.freshness import Freshness
from mfpt_edge.session.trust import Trust
from mfpt_edge.storage.device_folder import Session
from mfpt_edge.storage.sent_log import LAST_WILL, SentLog
from mfpt_shared.device.cohorts import CohortOrder
from mfpt_shared.errors import DecodeError, Incompatible
from mfpt_shared.plan import Plan
from mfpt_shared.protocol import codec
from mfpt_shared.protocol.codec import Decoded, encode
from mfpt_shared.protocol.messages import (
    Ack,
    Assign,
    ClientState,
    CoordinatorState,
    EvaluationReport,
    FromCoordinator,
    FromDevice,
    KeyShares,
    LanguageRelations,
    Leaving,
    Offer,
    PlanNotice,
    Progress,
    Prompt,
    Ready,
    Reject,
    Resync,
    Reveal,
    Stop,
)
from mfpt_shared.protocol.seal import seal
from mfpt_shared.protocol.topics import (
    CLIENT_DOWN,
    CLIENT_STATE,
    CLIENT_UP,
    COORDINATOR_PROGRESS,
    COORDINATOR_STATE,
    LANGUAGE_RELATIONS,
    PLAN,
    PROMPT,
    Topic,
)
from mfpt_shared.tensors import check_layout, dense, layout
from mfpt_shared.transport.base import Connected, Inbound, Transport, Will, packet_size
from mfpt_shared.transport.base import Event as TransportEvent

Understood = Event | CohortOrder
"""What a message means: something to the core, or an order to a member of a cohort."""

FromDeviceT = TypeVar("FromDeviceT", bound=FromDevice)


def client_will(federation: str, session: Session) -> Will:
    """Return the last will of a device."""
    gone = ClientState(state="offline", language=session.identity.language, session=session.number)
    path = CLIENT_STATE.path(federation, session.identity.client)
    return Will(path, seal(path, encode(gone), session.key))


@dataclass(frozen=True, slots=True)
class Listener:
    """What a device understands: messages of its coordinator that are new.

    Attributes:
        federation: Name of the federation.
        trust: Whose word counts as the coordinator's.
        freshness: What the device has seen.
    """

    federation: str
    trust: Trust
    freshness: Freshness

    def understand(self, inbound: Inbound, plan: Plan | None, at: float) -> Understood | None:
        """Return what a message means; None where a retained message was removed.

        Args:
            inbound: Message from the broker.
            plan: Plan that the device follows; its prompts must have the plan's layout.
            at: Time, Unix seconds.

        Raises:
            DecodeError: The message is damaged, forged, replayed, or not meant for a device; it can be ignored.
            Incompatible: It is a plan that this version of mfpt cannot follow.
        """
        found = codec.opened(inbound.topic, inbound.payload, self.federation)
        if found is None:
            return None
        # What a coordinator before this one has said of languages may still be there: nobody else's word removes it.
        if self.trust.key is None and found.address.topic is LANGUAGE_RELATIONS:
            raise DecodeError("it does not say who the coordinator is, and nothing else has yet")
        self.trust.check(found.signer)
        message = _decoded(found.address.topic, found.content)
        if not isinstance(message, FromCoordinator | Prompt):
            raise DecodeError(f"a {type(message).__name__} is not meant for a device")
        if isinstance(message, Prompt):
            _check_prompt(message, plan)
        self.freshness.check(message)
        return message if isinstance(message, CohortOrder) else _event(message, at)


def _decoded(topic: Topic, content: bytes) -> Decoded:
    """Return what the coordinator said; a plan that it signed but that cannot be read ends this device's part."""
    try:
        return codec.decode(topic, content)
    except DecodeError as error:
        if topic is not PLAN:
            raise
        raise Incompatible(
            f"cannot follow the federation's plan: {error}; is this mfpt older than the coordinator's?"
        ) from error


def _event(message: FromCoordinator | Prompt, at: float) -> Event:
    match message:
        case PlanNotice(plan=plan, digest=digest):
            if digest != plan.digest:
                raise Incompatible(
                    f"the coordinator calls its plan {digest}, but the plan that came is {plan.digest}: it was altered"
                )
            return PlanReceived(at, plan)
        case Prompt():
            return PromptReceived(at, message)
        case CoordinatorState():
            return CoordinatorSeen(at, message)
        case Progress():
            return ProgressSeen(at, message)
        case LanguageRelations():
            return RelationsSeen(at, message)
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
        longest: Length of the longest payload that was published, bytes.
    """

    def __init__(self, transport: Transport, federation: str, session: Session, sent: SentLog | None = None) -> None:
        """Prepare for a federation.

        Args:
            transport: Connection to the broker, with `client_will` as its will.
            federation: Name of the federation.
            session: This run of the device.
            sent: Keeps what leaves the device; None: nobody does.
        """
        self._sent = sent
        self._transport = transport
        self._federation = federation
        self._session = session
        self._prompt = PROMPT.path(federation, session.identity.language)
        self._relations = LANGUAGE_RELATIONS.path(federation, session.identity.language)
        self._number = 0
        self.bytes_up = 0
        self.bytes_down = 0
        self.longest = 0
        self._follows_progress = False

    async def receive(self) -> list[TransportEvent]:
        """See Transport.receive."""
        events = await self._transport.receive()
        self.bytes_down += sum(
            packet_size(event.topic, event.payload) for event in events if isinstance(event, Inbound)
        )
        if self._sent is not None and any(isinstance(event, Connected) for event in events):
            will = client_will(self._federation, self._session)
            self._sent.note(will.topic, will.payload, LAST_WILL)
        return events

    def subscribe(self) -> None:
        """Subscribe to what concerns this device, except for prompts; the broker sends retained messages first."""
        identity = self._session.identity
        # In this order: the plan says what to prepare, and the coordinator's state what to do next.
        for topic, key in ((PLAN, ""), (CLIENT_DOWN, identity.client), (COORDINATOR_STATE, "")):
            self._transport.subscribe(topic.path(self._federation, key), qos=topic.qos)
        self._transport.subscribe(self._relations, qos=LANGUAGE_RELATIONS.qos)

    def needs(self, filters: Collection[str]) -> bool:
        """Tell whether the device cannot do without one of these topics; older brokers do not know them all."""
        return any(one != self._relations for one in filters)

    def ask_for_prompt(self) -> None:
        """Subscribe to the prompt of the device's language; the broker sends the newest, and those that follow."""
        self._transport.subscribe(self._prompt, qos=PROMPT.qos)

    def stop_asking(self) -> None:
        """Take back the subscription to the prompt."""
        self._transport.unsubscribe(self._prompt)

    def follow_progress(self) -> None:
        """Subscribe to how far the next version is, unless that was done over this connection."""
        if not self._follows_progress:
            self._follows_progress = True
            self._transport.subscribe(COORDINATOR_PROGRESS.path(self._federation), qos=COORDINATOR_PROGRESS.qos)

    def leave_progress(self, *, connected: bool) -> None:
        """Take that subscription back; one over a connection that was lost is gone."""
        if self._follows_progress and connected:
            self._transport.unsubscribe(COORDINATOR_PROGRESS.path(self._federation))
        self._follows_progress = False

    def publish_state(self, state: ClientState) -> None:
        """Publish what the device is doing; the broker keeps it."""
        self._publish(CLIENT_STATE, encode(self._stamped(state)), retain=True)

    def forget_state(self) -> None:
        """Let the broker keep nothing of what the device has published of itself."""
        path = CLIENT_STATE.path(self._federation, self._session.identity.client)
        self._leave(path, b"", retain=True)

    def send(self, message: Ready | EvaluationReport | Offer | KeyShares | Reveal | Leaving) -> int:
        """Send a message to the coordinator, and return its number in this session."""
        stamped = self._stamped(message)
        self._publish(CLIENT_UP, encode(stamped), retain=False)
        return stamped.number

    def send_update(self, content: bytes) -> None:
        """Send an update, encoded as it is in the outbox, or as it is under masks."""
        self._publish(CLIENT_UP, content, retain=False)

    async def close(self, flush_seconds: float) -> bool:
        """Disconnect in order; tell whether the broker has confirmed everything."""
        confirmed = await self._transport.flush(flush_seconds)
        await self._transport.close()
        return confirmed

    def _stamped(self, message: FromDeviceT) -> FromDeviceT:
        self._number += 1
        return msgspec.structs.replace(message, session=self._session.number, number=self._number)

    def _publish(self, topic: Topic, content: bytes, *, retain: bool) -> None:
        path = topic.path(self._federation, self._session.identity.client)
        payload = seal(path, content, self._session.key)
        self.longest = max(self.longest, len(payload))
        self._leave(path, payload, retain=retain)

    def _leave(self, path: str, payload: bytes, *, retain: bool) -> None:
        self.bytes_up += packet_size(path, payload)
        if self._sent is not None:
            self._sent.note(path, payload)
        self._transport.publish(path, payload, retain=retain)
