"""The coordinator's end of the protocol: its topics on a transport, and what the bytes on them mean."""

import asyncio
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import msgspec

from mfpt_coord.server.kept import Kept
from mfpt_shared import __version__
from mfpt_shared.clock import Clock
from mfpt_shared.keys import SigningKey
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.codec import MAX_JSON, encode
from mfpt_shared.protocol.messages import (
    Beat,
    ChallengeAnswer,
    CoordinatorState,
    Down,
    EnrolAnswer,
    FederationStatus,
    FromCoordinator,
    LanguageRelations,
    PlanNotice,
    Progress,
    Prompt,
)
from mfpt_shared.protocol.seal import seal
from mfpt_shared.protocol.topics import (
    CLIENT_DOWN,
    CLIENT_STATE,
    CLIENT_UP,
    COORDINATOR_ANSWER,
    COORDINATOR_BEAT,
    COORDINATOR_CHALLENGE,
    COORDINATOR_PROGRESS,
    COORDINATOR_STATE,
    COORDINATOR_STATUS,
    ENROL_DOWN,
    ENROL_UP,
    LANGUAGE_RELATIONS,
    PLAN,
    PROMPT,
    ROOT,
    Topic,
)
from mfpt_shared.transport.base import QOS, Connected, Disconnected, Qos, Transport, Will
from mfpt_shared.transport.base import Event as TransportEvent
from mfpt_shared.transport.retries import connect

FromCoordinatorT = TypeVar("FromCoordinatorT", bound=FromCoordinator)

MOST_PADDING: Final = MAX_JSON - 1024
ADVICE: Final = "is the broker running there?"
"""What to look at where it cannot be reached."""


@dataclass(frozen=True, slots=True)
class CoordinatorIdentity:
    """Who this coordinator is.

    Attributes:
        id: Name that the store keeps, the same at every start.
        started: When this run began, Unix seconds.
        epoch: Number of this run, higher than those of all runs before.
        key: Key with which it signs.
    """

    id: str
    started: float
    epoch: int
    key: SigningKey

    @property
    def mqtt_client(self) -> str:
        """MQTT client id of the coordinator. It is a secret: whoever knows it can cut it off at many brokers."""
        return self.key.secret("MQTT client id")


def coordinator_will(federation: str, identity: CoordinatorIdentity) -> Will:
    """Return the last will of a coordinator."""
    path = COORDINATOR_STATE.path(federation)
    gone = CoordinatorState(
        state="offline",
        coordinator=identity.id,
        started=identity.started,
        epoch=identity.epoch,
        at=identity.started,
    )
    return Will(path, seal(path, encode(gone), identity.key))


class Channel:
    """What a coordinator sends and receives.

    Attributes:
        kept: What the broker is to keep.
        reached: Whether the broker has ever been connected.
        is_up: Whether it is connected now.
    """

    def __init__(self, transport: Transport, federation: str, identity: CoordinatorIdentity, clock: Clock) -> None:
        """Prepare for a federation.

        Args:
            transport: Connection to the broker, with `coordinator_will` as its will.
            federation: Name of the federation.
            identity: Who the coordinator is.
            clock: Time that messages are stamped with, Unix seconds.
        """
        self._transport = transport
        self._federation = federation
        self._identity = identity
        self._clock = clock
        self.kept = Kept()
        self.reached = False
        self.is_up = False
        self._is_renewed = False

    async def connect(self) -> None:
        """Connect for the first time, however long that takes; see `retries.connect`."""
        await connect(self._transport, None, asyncio.sleep, ADVICE)
        self.reached = True

    async def receive(self) -> list[TransportEvent]:
        """See Transport.receive."""
        events = await self._transport.receive()
        for event in events:
            if isinstance(event, Connected | Disconnected):
                self.is_up = isinstance(event, Connected)
        return events

    def subscribe(self) -> None:
        """Subscribe to what devices publish, and to what any coordinator does; retained states come first."""
        of_devices = (CLIENT_STATE, CLIENT_UP, ENROL_UP)
        of_coordinators = (COORDINATOR_BEAT, COORDINATOR_CHALLENGE, PLAN, PROMPT)
        self._subscribe(COORDINATOR_STATE, *of_devices, *of_coordinators)

    def subscribe_again(self) -> None:
        """Subscribe once more to what the broker does not keep, in case that it has forgotten it."""
        self._subscribe(CLIENT_UP, ENROL_UP, COORDINATOR_BEAT, COORDINATOR_CHALLENGE)

    def renew_session(self) -> None:
        """Let the broker write its record of this session anew, by a subscription to a topic that nobody uses.

        A NATS server whose disk was full may never write such records again, and lets no device in, while everything
        else goes on. At one that cannot, this connection stands still as well, and beats do not come back.
        """
        unused = f"{ROOT}/{self._federation}/coord/session"
        self._is_renewed = not self._is_renewed
        if self._is_renewed:
            self._transport.subscribe(unused, qos=0)
        else:
            self._transport.unsubscribe(unused)

    def _subscribe(self, *topics: Topic) -> None:
        for topic in topics:
            self._transport.subscribe(topic.path(self._federation), qos=topic.qos)

    def publish_plan(self, plan: Plan, version: int) -> None:
        """Publish what all devices follow; the broker keeps it."""
        self._publish(PLAN, PlanNotice(digest=plan.digest, plan=plan, version=version))

    def publish_prompt(self, prompt: Prompt) -> None:
        """Publish a prompt on its language's topic; the broker keeps it."""
        self._publish(PROMPT, replace(prompt, header=self._stamped(prompt.header)), prompt.header.language)

    def publish_state(self, version: int, *, online: bool = True, finished: bool = False) -> None:
        """Publish whether the coordinator is there, its newest version, and if it is the last; the broker keeps it."""
        identity = self._identity
        self._publish(
            COORDINATOR_STATE,
            CoordinatorState(
                state="online" if online else "offline",
                coordinator=identity.id,
                started=identity.started,
                version=version,
                finished=finished,
                mfpt=__version__,
            ),
        )

    def publish_progress(self, progress: Progress) -> None:
        """Publish how far the next version is; the broker keeps it."""
        self._publish(COORDINATOR_PROGRESS, progress)

    def publish_relations(self, relations: LanguageRelations) -> None:
        """Publish from whom a language learns; the broker keeps it."""
        self._publish(LANGUAGE_RELATIONS, relations, relations.language)

    def publish_status(self, status: FederationStatus) -> None:
        """Publish what `mfpt-coord status` shows; the broker keeps it.

        One that nobody could see would be out of date when the connection is back, and all of them would wait for that.
        """
        if self.is_up:
            self._publish(COORDINATOR_STATUS, status)

    def publish_beat(self, number: int, version: int, size: int = 0) -> None:
        """Publish that the coordinator is there.

        Args:
            number: Number of the beat in this run.
            version: Newest version of the prompts.
            size: Least size of the payload, bytes; it is filled up as far as a JSON message may go, and then travels
                with QoS 0.
        """
        beat = Beat(number=number, version=version, padding="." * min(size, MOST_PADDING))
        self._publish(COORDINATOR_BEAT, beat, qos=0 if size else 1)

    def send(self, client: str, message: Down) -> None:
        """Send a message to one device."""
        self._publish(CLIENT_DOWN, message, client)

    def answer(self, token: str, message: EnrolAnswer) -> None:
        """Answer a request to be admitted, on the topic of its invitation."""
        self._publish(ENROL_DOWN, message, token)

    def answer_challenge(self, nonce: str, version: int) -> None:
        """Tell another coordinator, which has asked, that this one serves the federation."""
        self._publish(COORDINATOR_ANSWER, ChallengeAnswer(coordinator=self._identity.id, nonce=nonce, version=version))

    def forget(self, client: str) -> None:
        """Remove a device's state, which the broker keeps."""
        self._transport.publish(CLIENT_STATE.path(self._federation, client), b"", retain=True)

    def _publish(self, topic: Topic, message: FromCoordinator | Prompt, key: str = "", qos: Qos = QOS) -> None:
        path = topic.path(self._federation, key)
        stamped = self._stamped(message) if isinstance(message, FromCoordinator) else message
        payload = seal(path, encode(stamped), self._identity.key)
        if topic.retain:
            self.kept.published(path, payload)
        self._transport.publish(path, payload, retain=topic.retain, qos=qos)

    def _stamped(self, message: FromCoordinatorT) -> FromCoordinatorT:
        return msgspec.structs.replace(message, epoch=self._identity.epoch, at=self._clock())

    async def close(self, flush_seconds: float) -> None:
        """Disconnect in order, once the broker has confirmed everything or the time is up."""
        await self._transport.flush(flush_seconds if self.reached else 0.0)
        await self._transport.close()
