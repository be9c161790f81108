"""MQTT in a WebSocket, over a real nats-server."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from mfpt_shared.errors import ConnectionFailed
from mfpt_shared.protocol.frames import MAX_PAYLOAD
from mfpt_shared.transport.mqtt import MqttTransport
from support.inbox import Inbox
from support.nats import Nats, nats

# paho leaves the socket of a WebSocket that did not come about to the garbage collector.
pytestmark = [pytest.mark.network, pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")]


def test_a_payload_that_the_socket_takes_in_parts_arrives_whole(tmp_path: Path) -> None:
    payload = bytes(range(256)) * (MAX_PAYLOAD // 256 - 1)

    async def scenario() -> None:
        async with nats(tmp_path, Nats()) as server:
            client = MqttTransport(server.web, "a")
            await client.connect()
            client.subscribe("t")
            client.publish("t", payload)
            client.publish("t", b"the next")
            inbox = Inbox(client)
            await inbox.until_message("t", b"the next")
            assert inbox.payloads("t") == [payload, b"the next"]
            assert await client.flush(10)
            await client.close()

    asyncio.run(asyncio.wait_for(scenario(), 60))


@pytest.mark.parametrize("path", ["/elsewhere", "/"])
def test_a_path_without_mqtt_behind_it_is_named(path: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with nats(tmp_path, Nats()) as server:
            with pytest.raises(ConnectionFailed, match=f":{server.web.port}{path} .* is {path} the path"):
                await MqttTransport(replace(server.web, path=path), "a").connect()

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_a_port_without_websockets_is_told_apart(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with nats(tmp_path, Nats()) as server:
            with pytest.raises(ConnectionFailed, match="no WebSocket at ws://"):
                await MqttTransport(replace(server.tcp, scheme="ws"), "a").connect()

    asyncio.run(asyncio.wait_for(scenario(), 30))
