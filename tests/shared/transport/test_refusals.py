"""What a broker that answers does not allow: a login after a lost connection, and subscriptions."""

import asyncio
import signal
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from mfpt_shared.transport import mqtt
from mfpt_shared.transport.base import Connected, Disconnected, SubscriptionRefused
from mfpt_shared.transport.mqtt import MqttTransport
from support.inbox import Inbox
from support.nats import Nats, nats

pytestmark = pytest.mark.network
USERS: Final = """
authorization { users = [
  { user: "ann", password: "old", permissions: { publish: ["allowed"], subscribe: ["allowed"] } }
] }
"""


def test_a_reconnect_whose_credentials_are_refused_is_told_as_such(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with nats(tmp_path, Nats(users=USERS)) as server:
            client = MqttTransport(replace(server.tcp, username="ann", password="old"), "a")
            await client.connect()
            inbox = Inbox(client)
            await inbox.until_event(Connected)
            changed = server.configuration.read_text(encoding="utf-8").replace('"old"', '"new"')
            server.configuration.write_text(changed, encoding="utf-8")
            server.process.send_signal(signal.SIGHUP)
            await inbox.until_event(Disconnected, count=2)
            await client.close()
            last = inbox.events[-1]
            assert isinstance(last, Disconnected)
            assert (last.attempts, last.refused) == (1, True)

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_a_reconnect_that_reaches_nobody_says_why_and_is_no_refusal(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with nats(tmp_path, Nats()) as server:
            client = MqttTransport(server.tcp, "a")
            await client.connect()
            inbox = Inbox(client)
            server.process.kill()
            await inbox.until_event(Disconnected, count=2)
            await client.close()
            last = inbox.events[-1]
            assert isinstance(last, Disconnected)
            assert (last.attempts, last.refused) == (1, False)
            assert "refused" in last.reason
            assert str(server.tcp) in last.reason

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_a_refused_filter_is_told_once_and_the_others_hold(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with nats(tmp_path, Nats(users=USERS)) as server:
            client = MqttTransport(replace(server.tcp, username="ann", password="old"), "a")
            await client.connect()
            inbox = Inbox(client)
            client.subscribe("secret/1", "allowed", "secret/2")
            await inbox.until_event(SubscriptionRefused)
            client.subscribe("secret/2", "secret/3")
            await inbox.until_event(SubscriptionRefused, count=2)
            client.publish("allowed", b"heard")
            await inbox.until_message("allowed", b"heard")
            await client.close()
            told = [event.filters for event in inbox.events if isinstance(event, SubscriptionRefused)]
            assert told == [("secret/1", "secret/2"), ("secret/3",)]

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_a_refused_filter_is_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rights may change, and a broker that is busy refuses what it would allow: nobody stays deaf."""
    monkeypatch.setattr(mqtt, "ASK_AGAIN_SECONDS", 0.1)

    async def scenario() -> None:
        async with nats(tmp_path, Nats(users=USERS)) as server:
            address = replace(server.tcp, username="ann", password="old")
            client, sender = MqttTransport(address, "a"), MqttTransport(address, "b")
            await client.connect()
            inbox = Inbox(client)
            client.subscribe("secret")
            await inbox.until_event(SubscriptionRefused)
            allowed = server.configuration.read_text(encoding="utf-8").replace('["allowed"]', '["allowed", "secret"]')
            server.configuration.write_text(allowed, encoding="utf-8")
            server.process.send_signal(signal.SIGHUP)
            await sender.connect()
            receiving = asyncio.create_task(inbox.until_message("secret", b"x"))
            while not receiving.done():
                sender.publish("secret", b"x")
                await sender.flush(5)
            await receiving
            await client.close()
            await sender.close()

    asyncio.run(asyncio.wait_for(scenario(), 30))
