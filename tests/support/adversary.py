"""Accounts at a broker for tests, their owners, and whoever wants to be one of them."""

import asyncio
import contextlib
from dataclasses import dataclass, replace

from mfpt_coord.access.accounts import Account, Role, digest
from mfpt_shared.errors import AuthenticationFailed
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.base import Connected
from mfpt_shared.transport.mqtt import MqttTransport
from support.inbox import SECONDS, Inbox


@dataclass(frozen=True)
class Owner:
    """Somebody with an account, and what only he knows."""

    user: str
    role: Role

    @property
    def password(self) -> str:
        return f"password-of-{self.user}"

    @property
    def client(self) -> str:
        return f"client-of-{self.user}"

    @property
    def account(self) -> Account:
        client = None if self.role == "invitation" else digest(self.client)
        return Account(self.user, self.role, digest(self.password), client)


ANN = Owner("ann", "device")
EVE = Owner("eve", "device")
MONITOR = Owner("monitor", "monitor")
GUEST = Owner("invite-token", "invitation")
EVERYBODY = (ANN, EVE, MONITOR, GUEST)


async def connect(
    where: BrokerAddress, user: str, password: str, client: str, *, persistent: bool = False
) -> tuple[MqttTransport, Inbox]:
    """Connect.

    Raises:
        AuthenticationFailed: The broker did not let this login in.
    """
    transport = MqttTransport(replace(where, username=user, password=password), client, persistent=persistent)
    try:
        await transport.connect()
    except AuthenticationFailed:
        await transport.close()
        raise
    inbox = Inbox(transport)
    await inbox.until_event(Connected)
    return transport, inbox


async def enter(where: BrokerAddress, owner: Owner, client: str | None = None) -> tuple[MqttTransport, Inbox]:
    """Connect as the owner of an account, under his own client id unless another is given."""
    return await connect(where, owner.user, owner.password, client or owner.client)


async def until_heard(sender: MqttTransport, topic: str, text: bytes, received: Inbox) -> None:
    """Publish until it arrives: nothing tells when a subscription that has just been sent begins to hold."""
    async with asyncio.timeout(SECONDS):
        while (topic, text) not in received.messages:
            sender.publish(topic, text)
            with contextlib.suppress(AssertionError):
                await received.until(lambda: (topic, text) in received.messages, 0.5)
