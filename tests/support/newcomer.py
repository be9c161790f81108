"""A device that is invited, and does by hand what `mfpt-edge join` does with an invitation."""

import asyncio
import contextlib
import uuid
from dataclasses import replace
from typing import Any, Final

from mfpt_shared.errors import AuthenticationFailed, ConnectionFailed
from mfpt_shared.invitation import InvitationLine, proof
from mfpt_shared.keys import digest
from mfpt_shared.protocol.codec import Decoded, understand
from mfpt_shared.protocol.messages import Admitted, Enrol, EnrolAnswer, Ready
from mfpt_shared.protocol.topics import CLIENT_DOWN, CLIENT_UP, ENROL_DOWN, ENROL_UP
from mfpt_shared.transport.mqtt import MqttTransport
from mfpt_shared.transport.security import Security
from support.inbox import Inbox
from support.sealing import key_of, sealed

ATTEMPTS: Final = 10


class Newcomer:
    """A device with a name, which is its id and its key's, and the account that it drew for itself."""

    def __init__(self, line: str, name: str) -> None:
        self.invitation = InvitationLine.parse(line)
        self.name = name
        self.password = f"password-{name}"
        self.client = f"client-{uuid.uuid4().hex}"
        self.security = Security(pinned=self.invitation.key)
        self.transport: MqttTransport | None = None
        self.inbox: Inbox | None = None

    async def asks(self, **changes: Any) -> EnrolAnswer:
        """Log in with the invitation, and ask to be admitted."""
        line = self.invitation
        address = replace(line.addresses[0], username=line.user, password=line.secret)
        transport = MqttTransport(address, uuid.uuid4().hex, security=self.security)
        await transport.connect()
        try:
            inbox, down = Inbox(transport), ENROL_DOWN.path(line.federation, line.token)
            transport.subscribe(down)
            about: dict[str, Any] = {"nonce": uuid.uuid4().hex, "password": self.password, "client": self.client}
            about["proof"] = proof(digest(line.secret), key_of(self.name).public)
            asked = Enrol(user=self.name, **about | {"language": "swh"} | changes)
            up = ENROL_UP.path(line.federation, line.token)
            for _ in range(ATTEMPTS):
                # A coordinator that has just started may not listen yet: a device asks again, too.
                transport.publish(up, sealed(up, asked, self.name))
                with contextlib.suppress(AssertionError):
                    await inbox.until(lambda: any(asked.nonce.encode() in one for one in inbox.payloads(down)), 2.0)
                    return self._last(down, inbox)
            raise AssertionError(f"no answer to {ATTEMPTS} requests; this came: {inbox.events!r:.2000}")
        finally:
            await transport.close()

    def _last(self, path: str, inbox: Inbox) -> EnrolAnswer:
        received = understand(path, inbox.payloads(path)[-1], self.invitation.federation)
        assert received is not None
        assert received.signer == self.invitation.key
        assert isinstance(received.message, EnrolAnswer)
        return received.message

    async def is_admitted(self) -> None:
        assert isinstance(await self.asks(), Admitted)

    async def logs_in(self, client: str = "") -> None:
        """Connect with the account of its own, and listen to what the coordinator says."""
        line = self.invitation
        address = replace(line.addresses[0], username=self.name, password=self.password)
        self.transport = MqttTransport(address, client or self.client, security=self.security)
        await self.transport.connect()
        self.inbox = Inbox(self.transport)
        self.transport.subscribe(CLIENT_DOWN.path(line.federation, self.name))

    async def may_log_in(self, client: str = "") -> bool:
        try:
            await self.logs_in(client)
        except (AuthenticationFailed, ConnectionFailed):
            return False
        assert self.transport is not None
        await self.transport.close()
        return True

    def says(self, message: Decoded) -> None:
        assert self.transport is not None
        path = CLIENT_UP.path(self.invitation.federation, self.name)
        self.transport.publish(path, sealed(path, message, self.name))

    def is_ready(self, plan: str, number: int = 1) -> None:
        self.says(Ready(language="swh", examples=10, plan=plan, backbone="", session=1, number=number))

    async def until_told(self, word: bytes) -> None:
        assert self.inbox is not None
        inbox, path = self.inbox, CLIENT_DOWN.path(self.invitation.federation, self.name)
        async with asyncio.timeout(20):
            await inbox.until(lambda: any(word in payload for payload in inbox.payloads(path)))

    async def leaves(self) -> None:
        if self.transport is not None:
            await self.transport.close()
