"""A broker of several addresses: when the connection to one is lost, the next is used."""

import asyncio
from pathlib import Path

import pytest

from mfpt_shared.transport.base import Connected, Disconnected
from mfpt_shared.transport.connection import parse_connection
from support.brokers import free_port
from support.inbox import Inbox
from support.nats import Nats, nats

pytestmark = pytest.mark.network


def test_the_next_address_is_used_when_a_node_dies_and_what_it_did_not_confirm_goes_there(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with nats(tmp_path, Nats()) as first, nats(tmp_path, Nats()) as second:
            closed = f"mqtt://127.0.0.1:{free_port()}"
            client = parse_connection(f"{closed},{first.tcp},{second.tcp}", {}).transport("a", persistent=True)
            await client.connect()
            inbox = Inbox(client)
            await inbox.until_event(Connected)
            first.process.kill()
            await inbox.until_event(Disconnected)
            client.publish("t", b"waits", retain=True)
            await inbox.until_event(Connected, count=2)
            assert await client.flush(10)
            await client.close()
            watcher = parse_connection(str(second.tcp), {}).transport("b")
            await watcher.connect()
            watcher.subscribe("t")
            await Inbox(watcher).until_message("t", b"waits")
            await watcher.close()

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_after_the_last_address_comes_the_first(tmp_path: Path) -> None:
    async def scenario() -> None:
        port = free_port()
        async with nats(tmp_path, Nats()) as second:
            client = parse_connection(f"mqtt://127.0.0.1:{port},{second.tcp}", {}).transport("a")
            await client.connect()
            async with nats(tmp_path, Nats(), tcp=port):
                second.process.kill()
                await Inbox(client).until_event(Connected, count=2)
                await client.close()

    asyncio.run(asyncio.wait_for(scenario(), 30))
