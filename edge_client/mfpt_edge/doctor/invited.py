"""Checks with an invitation that is not used: its account is let in, and may ask. Nobody is admitted for them."""

import asyncio
import contextlib
from typing import Final

from mfpt_edge.doctor.examination import Answer, ok
from mfpt_shared.errors import AuthenticationFailed
from mfpt_shared.invitation import InvitationLine
from mfpt_shared.protocol.topics import ENROL_DOWN
from mfpt_shared.transport.base import SubscriptionRefused, Transport

REFUSED_SECONDS: Final = 1.0
"""Time within which a broker answers a subscription."""


class Invited:
    """One connection under an invitation's account; asked for in the order of the methods."""

    def __init__(self, transport: Transport, line: InvitationLine) -> None:
        """Prepare; nothing is opened yet."""
        self._transport = transport
        self._line = line

    async def log_in(self) -> Answer:
        """Log in with the invitation."""
        try:
            await self._transport.connect()
        except AuthenticationFailed as error:
            raise AuthenticationFailed("this invitation is not known there; ask for a new one") from error
        return ok("the invitation is known; it is not used up by this")

    async def broker(self) -> Answer:
        """See whether the invitation may ask to be admitted."""
        self._transport.subscribe(ENROL_DOWN.path(self._line.federation, self._line.token), qos=ENROL_DOWN.qos)
        try:
            async with asyncio.timeout(REFUSED_SECONDS):
                while True:
                    if any(isinstance(event, SubscriptionRefused) for event in await self._transport.receive()):
                        raise AuthenticationFailed("the broker does not let this invitation ask; get a new one")
        except TimeoutError:
            return ok("it lets this invitation ask; the rest is seen once this device has joined")

    async def close(self) -> None:
        """Disconnect; the broker forgets that this side was there."""
        with contextlib.suppress(OSError):
            await self._transport.close()
