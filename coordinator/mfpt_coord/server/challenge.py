"""What a coordinator asks before it says anything: does another one serve this federation on this broker?

What the broker keeps cannot tell. It says `online` for as long as it takes the broker to notice a power cut, and for
ever where the broker was cut off as well. So whoever signed it is challenged, and either answers or is gone.
"""

import asyncio
import secrets
from typing import Final, NamedTuple

from mfpt_coord.server.channel import CoordinatorIdentity
from mfpt_shared.clock import Clock
from mfpt_shared.errors import DecodeError, InUse
from mfpt_shared.keys import PublicKey, fingerprint
from mfpt_shared.protocol.codec import Received, encode, understand
from mfpt_shared.protocol.messages import Challenge, ChallengeAnswer, CoordinatorState
from mfpt_shared.protocol.seal import seal
from mfpt_shared.protocol.topics import COORDINATOR_ANSWER, COORDINATOR_CHALLENGE, COORDINATOR_STATE
from mfpt_shared.transport.base import Connected, Disconnected, Event, Inbound, SubscriptionRefused, Transport

ANSWER_SECONDS: Final = 3.0
MOST_CHALLENGES: Final = 10
"""Challenges at a start, at most: whoever publishes states under ever new keys keeps it from starting no longer."""


class Other(NamedTuple):
    """A coordinator that has not said that it ends."""

    id: str
    key: PublicKey


async def ensure_alone(transport: Transport, federation: str, identity: CoordinatorIdentity, clock: Clock) -> None:
    """Make sure that no other coordinator serves a federation.

    Another one is one with another key: runs of one coordinator tell each other apart by their epochs.

    Args:
        transport: Connection of its own to the broker, without a last will; it is connected, and closed afterwards.
        federation: Name of the federation.
        identity: The coordinator that is about to start.
        clock: Time that the challenge is stamped with.

    Raises:
        InUse: Another coordinator is online, or may be, and the broker does not let this one ask.
    """
    inquiry = Inquiry(transport, federation, identity, clock)
    try:
        async with asyncio.timeout(ANSWER_SECONDS) as limit:
            while not inquiry.is_over:
                for event in await transport.receive():
                    if inquiry.has_asked(event):
                        limit.reschedule(asyncio.get_running_loop().time() + ANSWER_SECONDS)
    except TimeoutError:
        pass  # nobody has answered
    finally:
        await transport.close()
    if inquiry.is_refused and inquiry.suspect is not None:
        raise InUse(_unasked(inquiry.suspect, federation))
    if (found := inquiry.found) is not None:
        raise InUse(_beside(found, federation, is_cut=inquiry.is_cut))


def _name(other: Other) -> str:
    return f"coordinator {other.id} (key {fingerprint(other.key)})"


def _unasked(other: Other, federation: str) -> str:
    """Return what to tell whoever may not find out whether another coordinator is there."""
    return (
        f"{_name(other)} has served federation {federation} on this broker, has not said that it ends, and cannot be "
        "asked, since this user may not read what a coordinator reads; give it the rights that 'mfpt-coord "
        "broker-config other' prints, or use a broker of your own (--listen)"
    )


def _beside(other: Other, federation: str, *, is_cut: bool) -> str:
    """Return what to tell whoever starts a coordinator beside another one."""
    name = _name(other)
    advice = "stop it first, or give this one a plan with another federation name"
    if is_cut:
        return (
            f"the broker cut the connection, as it does when somebody else logs in as the same user, and {name} has "
            f"not said that it ends; {advice}, and a user of its own"
        )
    return f"{name} serves federation {federation} on this broker already; {advice}"


class Inquiry:
    """One coordinator's question, and what has been heard since.

    Attributes:
        suspect: Another coordinator that has not said that it ends, until it does.
        found: The same, once it has shown that it is there.
        is_cut: Whether it has shown so by taking this one's place at the broker, instead of by an answer.
        is_refused: Whether the broker does not let this user hear what coordinators ask and answer.
    """

    def __init__(self, transport: Transport, federation: str, identity: CoordinatorIdentity, clock: Clock) -> None:
        """Prepare; nothing is asked before the transport is connected."""
        self._transport = transport
        self._federation = federation
        self._identity = identity
        self._clock = clock
        self._nonce = secrets.token_urlsafe(16)
        self._is_back = False
        self._asked = 0
        self.suspect: Other | None = None
        self.found: Other | None = None
        self.is_cut = self.is_refused = False

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to wait for: somebody is found, or nobody is left to suspect."""
        return self.found is not None or (self._is_back and self.suspect is None)

    def has_asked(self, event: Event) -> bool:
        """Take notice of an event; tell whether it called for a challenge."""
        if isinstance(event, Connected):
            for topic in (COORDINATOR_STATE, COORDINATOR_ANSWER, COORDINATOR_CHALLENGE):
                self._transport.subscribe(topic.path(self._federation), qos=topic.qos)
            # It also marks a moment: once it is back, what the broker keeps has come.
            return self._ask()
        if isinstance(event, Disconnected):
            # Some brokers know a client by its user: who logs in cuts whoever has, and both come back again and again.
            self.found, self.is_cut = self.suspect, True
        if isinstance(event, SubscriptionRefused):
            self.is_refused = True
        if not isinstance(event, Inbound):
            return False
        try:
            received = understand(event.topic, event.payload, self._federation)
        except DecodeError:
            return False
        return received is not None and self._has_asked_after(received)

    def _has_asked_after(self, received: Received) -> bool:
        signer = received.signer
        match received.message:
            case Challenge(nonce=self._nonce):
                self._is_back = True
            case ChallengeAnswer(nonce=self._nonce) if self.suspect is not None and signer == self.suspect.key:
                self.found = self.suspect
            case CoordinatorState() as said if signer != self._identity.key.public:
                before, self.suspect = self.suspect, None if _has_ended(said) else Other(said.coordinator, signer)
                return self.suspect not in (None, before) and self._ask()
        return False

    def _ask(self) -> bool:
        if self._asked == MOST_CHALLENGES:
            return False
        self._asked += 1
        path = COORDINATOR_CHALLENGE.path(self._federation)
        challenge = Challenge(
            coordinator=self._identity.id, nonce=self._nonce, epoch=self._identity.epoch, at=self._clock()
        )
        self._transport.publish(path, seal(path, encode(challenge), self._identity.key))
        return True


def _has_ended(said: CoordinatorState) -> bool:
    """Tell whether a coordinator itself has said that it ends: its last will says so of one that may come back."""
    return said.state == "offline" and said.at > said.started
