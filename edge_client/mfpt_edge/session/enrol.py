"""A device is admitted with an invitation: it asks under the invitation's account, and is answered by the coordinator.

The answer may be lost, and so the device asks again until it comes; the coordinator admits the same key once. Other
holders of the same invitation are answered on the same topic: only the answer to this device's nonce counts, and only
if the key that the invitation names has signed it.
"""

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Final

from mfpt_edge.session.lost_connection import INVITED, LostConnection
from mfpt_edge.storage.device_folder import Session
from mfpt_edge.storage.sent_log import SentLog
from mfpt_shared.errors import AuthenticationFailed, DecodeError, TimedOut
from mfpt_shared.invitation import InvitationLine, proof
from mfpt_shared.keys import digest, fingerprint
from mfpt_shared.protocol.codec import encode, understand
from mfpt_shared.protocol.messages import Admitted, Enrol, Refused
from mfpt_shared.protocol.seal import seal
from mfpt_shared.protocol.topics import ENROL_DOWN, ENROL_UP
from mfpt_shared.transport.base import Connected, Disconnected, Event, Inbound, SubscriptionRefused, Transport

REPEAT_SECONDS: Final = 3.0
PATIENCE_SECONDS: Final = 30.0
TOLD_AFTER: Final = 3
"""Questions without an answer after which a person is told."""
_UNANSWERED: Final = "the coordinator does not answer the invitation"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """What a device asks, and by what it knows the answer.

    Attributes:
        line: The invitation.
        payload: The sealed request.
        nonce: What the answer repeats.
    """

    line: InvitationLine
    payload: bytes
    nonce: str

    @property
    def up(self) -> str:
        """Topic of the request."""
        return ENROL_UP.path(self.line.federation, self.line.token)

    @property
    def down(self) -> str:
        """Topic of the answer."""
        return ENROL_DOWN.path(self.line.federation, self.line.token)

    def answer_in(self, event: Event) -> Admitted | None:
        """Return the answer, if an event is one.

        Raises:
            AuthenticationFailed: The coordinator does not admit this device, or the broker does not let it ask.
        """
        match event:
            case SubscriptionRefused():
                raise AuthenticationFailed("the broker does not let this invitation ask: get a new one")
            case Inbound(topic, payload) if topic == self.down:
                return self._answer(topic, payload)
        return None

    def _answer(self, topic: str, payload: bytes) -> Admitted | None:
        try:
            received = understand(topic, payload, self.line.federation)
        except DecodeError:
            return None
        message = None if received is None else received.message
        if received is None or not isinstance(message, Admitted | Refused) or message.nonce != self.nonce:
            return None
        if received.signer != self.line.key:
            raise AuthenticationFailed(
                f"coordinator {fingerprint(received.signer)} answers, but the invitation names "
                f"{fingerprint(self.line.key)}: copy the whole line, or ask for a new one"
            )
        if isinstance(message, Refused):
            raise AuthenticationFailed(f"not admitted: {message.detail}")
        return message


def request(line: InvitationLine, session: Session, nonce: str) -> Request:
    """Return what a device asks with an invitation.

    Args:
        line: The invitation.
        session: The device; the key that it signs with becomes its own in the federation.
        nonce: Random text.
    """
    asked = Enrol(
        nonce=nonce,
        user=session.identity.client,
        password=session.password,
        client=session.mqtt_client,
        proof=proof(digest(line.secret), session.key.public),
        language=session.identity.language,
    )
    path = ENROL_UP.path(line.federation, line.token)
    return Request(line, seal(path, encode(asked), session.key), nonce)


async def ask(transport: Transport, asked: Request, sent: SentLog | None = None) -> Admitted:
    """Ask over a transport that is connected, and return the answer.

    Args:
        transport: The transport.
        asked: What to ask.
        sent: Keeps what leaves the device; None: nobody does.

    Raises:
        AuthenticationFailed: The device is not admitted, or the broker has cut it off.
        TimedOut: No answer came.
    """
    lost = LostConnection(INVITED)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            unanswered = 0
            while True:
                transport.subscribe(asked.down, qos=ENROL_DOWN.qos)
                transport.publish(asked.up, asked.payload)
                if sent is not None:
                    sent.note(asked.up, asked.payload)
                answer = await _answer_within(transport, asked, lost, REPEAT_SECONDS)
                if answer is not None:
                    return answer
                unanswered += 1
                if unanswered == TOLD_AFTER:
                    _log.warning("%s; asking for %.0f s in all", _UNANSWERED, PATIENCE_SECONDS)
    except TimeoutError as error:
        raise TimedOut(
            f"{_UNANSWERED}. Is `mfpt-coord serve` running there? If so, may the invitation's user publish on "
            f"{asked.up}?"
        ) from error


async def _answer_within(transport: Transport, asked: Request, lost: LostConnection, seconds: float) -> Admitted | None:
    try:
        async with asyncio.timeout(seconds):
            while True:
                for event in await transport.receive():
                    if isinstance(event, Connected):
                        lost.mended()
                        transport.subscribe(asked.down, qos=ENROL_DOWN.qos)
                    if isinstance(event, Disconnected):
                        lost.note(event, time.monotonic())
                    if (answer := asked.answer_in(event)) is not None:
                        return answer
    except TimeoutError:
        return None
