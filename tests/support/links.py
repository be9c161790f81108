"""Links: a broker of some kind, and clients whose connection to it can be cut and mended."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Protocol

from mfpt_shared.keys import SigningKey
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.base import Connected, Transport, Will
from mfpt_shared.transport.in_process import MemoryBroker, MemoryTransport
from mfpt_shared.transport.mqtt import MqttTransport
from mfpt_shared.transport.security import Security
from stub_federation.light_transport import LightTransport
from support.brokers import mosquitto
from support.certificates import signed_by
from support.inbox import Inbox
from support.nats import Nats, nats
from support.proxy import Proxy


class Kind(Protocol):
    """Makes a transport."""

    def __call__(self, address: BrokerAddress, client_id: str, *, will: Will | None = None) -> Transport: ...


class Link(Protocol):
    """One broker. `cut` breaks a client's connection without a word, until `mend`."""

    async def client(self, name: str, will: Will | None = None) -> Transport: ...

    async def cut(self, client: Transport) -> None: ...

    async def mend(self, client: Transport) -> None: ...


class MemoryLink:
    def __init__(self) -> None:
        self._broker = MemoryBroker()

    async def client(self, name: str, will: Will | None = None) -> Transport:
        del name
        return MemoryTransport(self._broker, will)

    async def cut(self, client: Transport) -> None:
        assert isinstance(client, MemoryTransport)
        self._broker.drop(client)

    async def mend(self, client: Transport) -> None:
        # No thread tries again: mending the link connects the client.
        await client.connect()


class MqttLink:
    def __init__(self, address: BrokerAddress, stack: contextlib.AsyncExitStack, kind: Kind = MqttTransport) -> None:
        self._address = address
        self._kind = kind
        self._stack = stack
        self._proxies: dict[Transport, Proxy] = {}

    async def client(self, name: str, will: Will | None = None) -> Transport:
        proxy = await self._stack.enter_async_context(Proxy(self._address))
        client = self._kind(proxy.address, name, will=will)
        self._proxies[client] = proxy
        self._stack.push_async_callback(client.close)
        return client

    async def cut(self, client: Transport) -> None:
        self._proxies[client].cut()

    async def mend(self, client: Transport) -> None:
        await self._proxies[client].mend()


@contextlib.asynccontextmanager
async def open_link(kind: str, directory: Path) -> AsyncIterator[Link]:
    async with contextlib.AsyncExitStack() as stack:
        match kind:
            case "memory":
                yield MemoryLink()
            case "nats":
                server = await stack.enter_async_context(nats(directory, Nats()))
                yield MqttLink(server.tcp, stack)
            case "light":
                server = await stack.enter_async_context(nats(directory, Nats()))
                yield MqttLink(server.tcp, stack, LightTransport)
            case "wss":
                coordinator = SigningKey.generate()
                certificate = signed_by(coordinator.private, directory, "broker")
                server = await stack.enter_async_context(nats(directory, Nats(certificate)))
                yield MqttLink(server.web, stack, partial(MqttTransport, security=Security(pinned=coordinator.public)))
            case _:
                yield MqttLink(await stack.enter_async_context(mosquitto(directory)), stack)


Scenario = Callable[[Link], Awaitable[None]]
Play = Callable[[Scenario], None]


async def connected(link: Link, name: str, *filters: str, will: Will | None = None) -> tuple[Transport, Inbox]:
    """Return a client that is connected and subscribed, with what it receives from now on."""
    client = await link.client(name, will)
    await client.connect()
    inbox = Inbox(client)
    await inbox.until_event(Connected)
    if filters:
        # Once its own message has come back, the subscriptions are known to hold.
        client.subscribe(*filters, f"ready/{name}")
        client.publish(f"ready/{name}", b"")
        await inbox.until(lambda: any(topic == f"ready/{name}" for topic, _ in inbox.messages))
        inbox.events.clear()
    return client, inbox
