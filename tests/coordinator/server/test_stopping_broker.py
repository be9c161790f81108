"""The embedded broker is told to end while it keeps many sessions: it is killed in the middle, and loses nothing."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from mfpt_coord.server.broker import EmbeddedBroker
from mfpt_shared.protocol.topics import CLIENT_DOWN, CLIENT_STATE, CLIENT_UP
from mfpt_shared.transport.base import Connected
from mfpt_shared.transport.mqtt import MqttTransport
from support.brokers import embedded
from support.inbox import Inbox

pytestmark = [pytest.mark.network, pytest.mark.slow]

SESSIONS: Final = 400
"""Twice as many as the server closes in the time that it is given: each takes it 10 ms."""


async def leave_a_session(broker: EmbeddedBroker, name: str) -> None:
    """Connect as a device, say something that is kept and something that is queued, and go."""
    address = replace(broker.public_address, username=name)
    device = MqttTransport(address, f"client-of-{name}", persistent=True)
    await device.connect()
    device.subscribe(CLIENT_DOWN.path("test", name))
    device.publish(CLIENT_STATE.path("test", name), f"kept {name}".encode(), retain=True)
    device.publish(CLIENT_UP.path("test", name), f"queued {name}".encode())
    assert await device.flush(20)
    await device.close()


async def coordinator(broker: EmbeddedBroker) -> tuple[MqttTransport, Inbox]:
    transport = MqttTransport(broker.address, "coordinator", persistent=True)
    await transport.connect()
    inbox = Inbox(transport)
    await inbox.until_event(Connected)
    return transport, inbox


def said(inbox: Inbox, what: str) -> set[str]:
    return {payload.decode() for _, payload in inbox.messages if payload.startswith(what.encode())}


def test_what_was_confirmed_survives_a_broker_that_is_killed_while_it_stops(tmp_path: Path) -> None:
    names = [f"d{number}" for number in range(SESSIONS)]

    async def scenario() -> None:
        async with embedded(tmp_path) as broker:
            asleep, inbox = await coordinator(broker)
            asleep.subscribe(CLIENT_UP.path("test"))
            asleep.publish(CLIENT_UP.path("test", "d0"), b"subscribed")
            await inbox.until_message(CLIENT_UP.path("test", "d0"), b"subscribed")
            await asleep.close()
            for name in names:
                await leave_a_session(broker, name)
        log = (tmp_path / "nats-server.log").read_text(encoding="utf-8")
        assert "Initiating Shutdown" in log
        assert "Server Exiting" not in log, "it has ended in order: the test shows nothing"

        async with embedded(tmp_path) as broker:
            awake, inbox = await coordinator(broker)
            await inbox.until(lambda: said(inbox, "queued") == {f"queued {name}" for name in names})
            awake.subscribe(CLIENT_STATE.path("test"))
            await inbox.until(lambda: said(inbox, "kept") == {f"kept {name}" for name in names})
            await awake.close()

    asyncio.run(asyncio.wait_for(scenario(), 120))
