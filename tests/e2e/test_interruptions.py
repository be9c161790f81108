"""Connections that break, and programs that start again or in another order: no update is lost or counted twice."""

import asyncio
from pathlib import Path

import pytest

from support.brokers import embedded
from support.federation import LANGUAGES, Device, coordinating, rows, running, stored_prompts, tiny_plan
from support.inbox import SECONDS
from support.proxy import Proxy
from support.stub import Gate, StubTrainer

pytestmark = pytest.mark.network


def test_a_device_that_loses_the_broker_while_training_delivers_its_update_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        plan = tiny_plan()
        gate = Gate()
        async with (
            embedded(tmp_path / "broker") as broker,
            Proxy(broker.address) as proxy,
            coordinating(tmp_path, plan, broker.address, folds=1) as (_, serving),
        ):
            device = Device(tmp_path / "swh", "swh", proxy.address, StubTrainer(step=1.0, gate=gate))
            async with running(device) as ended:
                assert await asyncio.to_thread(gate.reached.wait, SECONDS)
                proxy.cut()
                await device.until(lambda seen: seen.link == "reconnecting")
                gate.open.set()
                await device.until(lambda seen: len(seen.losses) == 1)
                assert device.folder.outbox().sequences() == (1,)
                await proxy.mend()
                await asyncio.wait_for(ended, SECONDS)
            await asyncio.wait_for(serving, SECONDS)

        assert rows(tmp_path, "SELECT client, sequence, fold FROM updates") == [(device.identity.client, 1, 1)]
        assert device.folder.outbox().sequences() == ()
        assert device.client.snapshot.rounds == 1

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_an_update_left_over_from_an_earlier_run_is_delivered_by_the_next_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        plan = tiny_plan(buffer=2)
        gate = Gate()
        async with (
            embedded(tmp_path / "broker") as broker,
            Proxy(broker.address) as proxy,
            coordinating(tmp_path, plan, broker.address),
        ):
            device = Device(tmp_path / "swh", "swh", proxy.address, StubTrainer(step=1.0, gate=gate))
            async with running(device):
                assert await asyncio.to_thread(gate.reached.wait, SECONDS)
                proxy.cut()
                await device.until(lambda seen: seen.link == "reconnecting")
                gate.open.set()
                await device.until(lambda seen: len(seen.losses) == 1)
            assert device.folder.outbox().sequences() == (1,)
            again = Device(tmp_path / "swh", "swh", broker.address, StubTrainer(step=1.0), rounds=1)
            async with running(again) as ended:
                await asyncio.wait_for(ended, SECONDS)

        assert rows(tmp_path, "SELECT sequence FROM updates ORDER BY sequence") == [(1,), (2,)]

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_a_restarted_coordinator_continues_from_its_version(tmp_path: Path) -> None:
    async def scenario() -> None:
        plan = tiny_plan(buffer=2)
        async with embedded(tmp_path / "broker") as broker:
            devices = [
                Device(tmp_path / tag, tag, broker.address, StubTrainer(step=0.5), rounds=5) for tag in ("swh", "yor")
            ]
            async with running(*devices):
                async with coordinating(tmp_path, plan, broker.address) as (first, _):
                    await devices[0].until(lambda seen: seen.version is not None and seen.version >= 2)
                reached = first.state.version
                before = stored_prompts(tmp_path, plan, reached)
                async with coordinating(tmp_path, plan, broker.address) as (second, _):
                    # Updates that waited may already have made the next version.
                    assert second.state.version >= reached >= 2
                    for device in devices:
                        await device.until(lambda seen: seen.rounds == 5)
                    assert second.state.version > reached

        assert [device.client.snapshot.rounds for device in devices] == [5, 5]
        assert rows(tmp_path, "SELECT count(*) FROM updates") == [(10,)]
        assert stored_prompts(tmp_path, plan, reached).keys() == before.keys()
        versions = [version for (version,) in rows(tmp_path, "SELECT version FROM folds ORDER BY version")]
        assert versions == list(range(1, len(versions) + 1))

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_devices_that_start_before_the_coordinator_all_take_part_once_it_is_online(tmp_path: Path) -> None:
    async def scenario() -> None:
        plan = tiny_plan(buffer=8)
        async with embedded(tmp_path / "broker") as broker:
            devices = [
                Device(tmp_path / f"device{number}", LANGUAGES[number % 3], broker.address, StubTrainer())
                for number in range(8)
            ]
            async with running(*devices):
                await asyncio.gather(*(device.until(lambda seen: seen.link == "connected") for device in devices))
                async with coordinating(tmp_path, plan, broker.address):
                    await asyncio.gather(*(device.until(lambda seen: seen.rounds >= 1) for device in devices))

        assert rows(tmp_path, "SELECT count(DISTINCT client) FROM updates") == [(8,)]

    asyncio.run(asyncio.wait_for(scenario(), 60))
