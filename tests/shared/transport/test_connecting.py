"""Connecting where nothing listens, to what is not a broker, and with a password."""

import asyncio
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest

from mfpt_shared.errors import AuthenticationFailed, ConnectionFailed, TimedOut
from mfpt_shared.transport import mqtt
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.base import Connected
from mfpt_shared.transport.in_process import MemoryBroker, MemoryTransport
from mfpt_shared.transport.mqtt import MqttTransport
from support.brokers import embedded, environment, free_port
from support.inbox import Inbox
from support.nats import Nats, nats


def test_no_broker_in_this_process_is_a_failed_connection() -> None:
    broker = MemoryBroker()
    broker.running = False

    with pytest.raises(ConnectionFailed):
        asyncio.run(MemoryTransport(broker).connect())


def test_nobody_on_the_port_is_a_failed_connection_that_names_the_address() -> None:
    address = BrokerAddress("127.0.0.1", free_port())

    with pytest.raises(ConnectionFailed, match=str(address.port)):
        asyncio.run(asyncio.wait_for(MqttTransport(address, "a").connect(), 10))


def test_an_unknown_host_is_a_failed_connection() -> None:
    with pytest.raises(ConnectionFailed, match="no-such-host"):
        asyncio.run(asyncio.wait_for(MqttTransport(BrokerAddress("no-such-host.invalid", 1883), "a").connect(), 30))


def test_connecting_can_be_tried_again_after_it_failed(tmp_path: Path) -> None:
    async def scenario() -> None:
        port = free_port()
        client = MqttTransport(BrokerAddress("127.0.0.1", port), "a")
        client.publish("t", b"early", retain=True)
        with pytest.raises(ConnectionFailed):
            await client.connect()
        async with nats(tmp_path, Nats(), tcp=port):
            await client.connect()
            client.subscribe("t")
            await Inbox(client).until_message("t", b"early")
            await client.close()

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_a_server_that_says_nothing_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt, "CONNECT_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = BrokerAddress("127.0.0.1", silent.getsockname()[1])
        began = time.monotonic()

        with pytest.raises(TimedOut, match="does not answer as an MQTT broker"):
            asyncio.run(asyncio.wait_for(MqttTransport(address, "a").connect(), 10))
        assert time.monotonic() - began < 5


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""], ids=["web server", "hangs up"])
def test_a_server_that_is_no_broker_is_an_error(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt, "CONNECT_SECONDS", 2.0)

    async def scenario() -> None:
        async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.write(answer)
            writer.close()

        server = await asyncio.start_server(reply, "127.0.0.1", 0)
        async with server:
            address = BrokerAddress("127.0.0.1", server.sockets[0].getsockname()[1])
            with pytest.raises((ConnectionFailed, TimedOut)):
                await MqttTransport(address, "a").connect()

    asyncio.run(asyncio.wait_for(scenario(), 20))


@pytest.mark.parametrize(
    "password",
    [
        "right",
        "12345",
        "true",
        "two words",
        "a;b,c",
        "{x}",
        "'single'",
        '"double"',
        "back\\slash",
        "$HOME",
        "a#b",
        "ä€",
    ],
)
def test_the_embedded_broker_takes_the_password_that_it_was_given(password: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path, environment(password=password)) as broker:
            client = MqttTransport(replace(broker.public_address, password=password), "a")
            await client.connect()
            await Inbox(client).until_event(Connected)
            await client.close()

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_an_empty_password_is_no_password(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path, environment(password="")) as broker:
            client = MqttTransport(broker.public_address, "a")
            await client.connect()
            await client.close()

    asyncio.run(asyncio.wait_for(scenario(), 30))


@pytest.mark.parametrize(("user", "password"), [("mfpt", "wrong"), ("mfpt", None), (None, None)])
def test_wrong_credentials_are_refused_as_such(user: str | None, password: str | None, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path, environment(password="right")) as broker:
            address = BrokerAddress(broker.address.host, broker.address.port, username=user, password=password)
            with pytest.raises(AuthenticationFailed, match="MFPT_BROKER_PASSWORD") as caught:
                await MqttTransport(address, "a").connect()
            assert "right" not in str(caught.value)

    asyncio.run(asyncio.wait_for(scenario(), 30))
