"""What it costs the broker that devices listen, counted where it counts: at nats-server's own monitor."""

import asyncio
import json
import urllib.request
from pathlib import Path
from typing import Final

import pytest

from mfpt_shared.transport.base import Qos
from mfpt_shared.transport.mqtt import MqttTransport
from support.brokers import free_port
from support.federation import Device, as_device, coordinating, running, tiny_plan
from support.inbox import SECONDS, Inbox
from support.nats import Nats, nats
from support.stub import Gate, StubTrainer

pytestmark = pytest.mark.network
MESSAGES: Final = "$MQTT_msgs"
"""The stream of which nats-server keeps a consumer for each subscription with QoS 1."""
LIMIT: Final = 1000
"""How many it keeps unless told otherwise."""
EACH: Final = 63
"""How many of them one client may have: 65,535 messages on their way, 1,024 for each."""
COORDINATORS: Final = tuple(f"mfpt.v1.test.{place}" for place in ("coord", "client.*", "enrol.*"))
"""What the coordinator listens to; of what devices listen to, `coord.state` is the only one among them."""


async def subjects(monitor: int) -> list[str]:
    """Return what the broker keeps consumers for."""

    def ask() -> bytes:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{monitor}/jsz?consumers=true&config=true", timeout=SECONDS
        ) as got:
            return bytes(got.read())

    accounts = json.loads(await asyncio.to_thread(ask))["account_details"]
    streams = [stream for account in accounts for stream in account["stream_detail"] if stream["name"] == MESSAGES]
    consumers = [consumer for stream in streams for consumer in stream.get("consumer_detail") or ()]
    return [consumer["config"]["filter_subject"].removeprefix("$MQTT.msgs.") for consumer in consumers]


def monitored(port: int) -> Nats:
    return Nats(users=f'http: "127.0.0.1:{port}"')


def test_a_device_that_trains_costs_the_broker_one_consumer(tmp_path: Path) -> None:
    async def scenario() -> None:
        monitor, gate = free_port(), Gate()
        async with (
            nats(tmp_path, monitored(monitor)) as server,
            coordinating(tmp_path / "data", tiny_plan(), server.tcp, folds=1) as (_, serving),
        ):
            device = Device(tmp_path / "swh", "swh", as_device(server.tcp, "swh"), StubTrainer(gate=gate))
            async with running(device) as ended:
                assert await asyncio.to_thread(gate.reached.wait, SECONDS)
                kept = await subjects(monitor)
                assert "mfpt.v1.test.coord.state" not in kept
                assert [subject for subject in kept if not subject.startswith(COORDINATORS)] == [
                    f"mfpt.v1.test.client.{device.identity.client}.down"
                ]
                gate.open.set()
                await asyncio.wait_for(ended, SECONDS)
            await asyncio.wait_for(serving, SECONDS)

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_a_session_that_listened_with_qos_1_is_relieved_of_it_by_a_subscription_with_qos_0(tmp_path: Path) -> None:
    """The coordinator's session outlives it, and so may be one of an older version of mfpt."""

    async def session(client: MqttTransport, qos: Qos) -> None:
        await client.connect()
        client.subscribe("kept", qos=qos)
        client.publish("kept", b"heard", retain=True)
        await Inbox(client).until_message("kept", b"heard")
        assert await client.flush(SECONDS)
        await client.close()

    async def scenario() -> None:
        monitor = free_port()
        async with nats(tmp_path, monitored(monitor)) as server:
            await session(MqttTransport(server.tcp, "a", persistent=True), 1)
            assert await subjects(monitor) == ["kept"]
            await session(MqttTransport(server.tcp, "a", persistent=True), 0)
            assert await subjects(monitor) == []

    asyncio.run(asyncio.wait_for(scenario(), 60))


@pytest.mark.slow
def test_a_device_that_a_full_broker_refused_takes_part_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mfpt_edge.core.deadlines.RESUBSCRIBE_SECONDS", 0.2)

    async def scenario() -> None:
        monitor = free_port()
        async with (
            nats(tmp_path, monitored(monitor)) as server,
            coordinating(tmp_path / "data", tiny_plan(), server.tcp, folds=1) as (_, serving),
        ):
            crowd = [MqttTransport(server.tcp, f"crowd-{number}") for number in range(LIMIT // EACH + 1)]
            await asyncio.gather(*(one.connect() for one in crowd))
            while len(await subjects(monitor)) < LIMIT:  # the broker may still be closing an earlier session
                for one in crowd:
                    one.subscribe(*(f"crowd/{number}" for number in range(EACH)))
                    one.publish("crowd", b"")
                    assert await one.flush(SECONDS)
            device = Device(tmp_path / "swh", "swh", as_device(server.tcp, "swh"), StubTrainer())
            async with running(device) as ended:
                await device.until(lambda seen: seen.phase == "idle")
                assert device.client.snapshot.rounds == 0
                crowd[0].unsubscribe("crowd/0")
                await asyncio.wait_for(ended, SECONDS)
            assert device.client.snapshot.rounds == 1
            await asyncio.wait_for(serving, SECONDS)
            await asyncio.gather(*(one.close() for one in crowd))

    asyncio.run(asyncio.wait_for(scenario(), 120))


def test_a_device_is_sent_the_versions_that_it_trains_from_and_no_others(tmp_path: Path) -> None:
    async def scenario() -> None:
        gate = Gate()
        async with (
            nats(tmp_path, Nats()) as server,
            coordinating(tmp_path / "data", tiny_plan(), server.tcp) as (coordinator, _),
        ):
            slow = Device(tmp_path / "slow", "swh", as_device(server.tcp, "slow"), StubTrainer(gate=gate), rounds=1)
            quick = Device(tmp_path / "quick", "swh", as_device(server.tcp, "quick"), StubTrainer(), rounds=5)
            async with running(slow) as slow_ended:
                assert await asyncio.to_thread(gate.reached.wait, SECONDS)
                async with running(quick) as ended:
                    await asyncio.wait_for(ended, SECONDS)
                assert coordinator.state.version == 5
                assert slow.client.snapshot.version == 0
                gate.open.set()
                await asyncio.wait_for(slow_ended, SECONDS)
            assert slow.client.snapshot.version == 6

    asyncio.run(asyncio.wait_for(scenario(), 60))
