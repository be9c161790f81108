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
from mfpt_shared.transport.base import Connected, Event, Inbound, Transport

ANSWER_SECONDS: Final = 3.0


class Other(NamedTuple):
    """A coordinator of which the broker says that it is online."""

    id: str
    key: PublicKey


async def ensure_alone(transport: Transport, federation: str, identity: CoordinatorIdentity, clock: Clock) -> None:
    """Make sure that no other coordinator serves a federation.

    Another one is one with another key: runs of one coordinator tell each other apart by their epochs.

    Args:
        transport: Connection of its own to the broker, without a last will.
        federation: Name of the federation.
        identity: The coordinator that is about to start.
        clock: Time that the challenge is stamped with.

    Raises:
        InUse: Another coordinator is online.
        MfptError: The broker cannot be reached; see Transport.connect.
    """
    inquiry = Inquiry(transport, federation, identity, clock)
    await transport.connect()
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
    if inquiry.answered is not None:
        raise InUse(
            f"coordinator {inquiry.answered.id} (key {fingerprint(inquiry.answered.key)}) serves federation "
            f"{federation} on this broker already; stop it first, or give this one a plan with another federation name"
        )


class Inquiry:
    """One coordinator's question, and what has been heard since.

    Attributes:
        answered: The other coordinator, once it has answered.
    """

    def __init__(self, transport: Transport, federation: str, identity: CoordinatorIdentity, clock: Clock) -> None:
        """Prepare; nothing is asked before the transport is connected."""
        self._transport = transport
        self._federation = federation
        self._identity = identity
        self._clock = clock
        self._nonce = secrets.token_urlsafe(16)
        self._online: Other | None = None
        self._is_back = False
        self.answered: Other | None = None

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to wait for: somebody has answered, or nobody is said to be online."""
        return self.answered is not None or (self._is_back and self._online is None)

    def has_asked(self, event: Event) -> bool:
        """Take notice of an event; tell whether it called for a challenge."""
        if isinstance(event, Connected):
            for topic in (COORDINATOR_STATE, COORDINATOR_ANSWER, COORDINATOR_CHALLENGE):
                self._transport.subscribe(topic.path(self._federation), qos=topic.qos)
            # It also marks a moment: once it is back, what the broker keeps has come.
            return self._ask()
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
            case ChallengeAnswer(nonce=self._nonce) if self._online is not None and signer == self._online.key:
                self.answered = self._online
            case CoordinatorState(coordinator=name, state=state) if signer != self._identity.key.public:
                before, self._online = self._online, Other(name, signer) if state == "online" else None
                return self._online not in (None, before) and self._ask()
        return False

    def _ask(self) -> bool:
        path = COORDINATOR_CHALLENGE.path(self._federation)
        challenge = Challenge(
            coordinator=self._identity.id, nonce=self._nonce, epoch=self._identity.epoch, at=self._clock()
        )
        self._transport.publish(path, seal(path, encode(challenge), self._identity.key))
        return True
