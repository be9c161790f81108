"""The operator changes the plan of a federation that runs; devices follow without being started again."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from mfpt_coord.core.events import PlanApplied
from mfpt_shared.plan import Plan, plan_to_json
from support.brokers import embedded
from support.federation import Device, coordinating, rows, running, tiny_plan
from support.inbox import SECONDS
from support.stub import Gate, StubTrainer

pytestmark = pytest.mark.network


def with_smaller_batches(plan: Plan) -> Plan:
    return msgspec.structs.replace(plan, training=msgspec.structs.replace(plan.training, batch_size=4))


def test_devices_follow_and_what_was_under_way_is_not_lost(tmp_path: Path) -> None:
    async def scenario() -> None:
        plan = tiny_plan(buffer=1)
        new, gate = with_smaller_batches(plan), Gate()
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, plan, broker.address) as (coordinator, _),
        ):
            swahili = Device(tmp_path / "swh", "swh", broker.address, StubTrainer(step=1.0))
            yoruba = Device(tmp_path / "yor", "yor", broker.address, StubTrainer(gate=gate))
            async with running(swahili), running(yoruba):
                await swahili.until(lambda seen: seen.rounds >= 2)
                assert await asyncio.to_thread(gate.reached.wait, SECONDS)
                await coordinator.apply(PlanApplied(coordinator.clock(), new))
                gate.open.set()
                rounds = swahili.client.snapshot.rounds
                await swahili.until(lambda seen: seen.rounds >= rounds + 2)
                await yoruba.until(lambda seen: seen.rounds >= 1)
            assert coordinator.state.counts.rejected == 0
            assert coordinator.state.former == (plan.digest,)
        assert rows(tmp_path, "SELECT value FROM meta WHERE key = 'plan'") == [(plan_to_json(new),)]
        saved = swahili.folder.plan()
        assert saved.digest == new.digest
        assert swahili.folder.prompt().header.plan == new.digest

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_a_coordinator_that_starts_again_goes_on_with_the_new_plan(tmp_path: Path) -> None:
    async def scenario() -> None:
        plan = tiny_plan(buffer=1)
        new = with_smaller_batches(plan)
        async with embedded(tmp_path / "broker") as broker:
            async with coordinating(tmp_path, plan, broker.address) as (coordinator, _):
                await coordinator.apply(PlanApplied(coordinator.clock(), new))
            async with coordinating(tmp_path, new, broker.address) as (coordinator, _):
                assert coordinator.state.plan.digest == new.digest
                assert coordinator.state.former == (plan.digest,)
                device = Device(tmp_path / "swh", "swh", broker.address, StubTrainer(), rounds=1)
                async with running(device):
                    await device.until(lambda seen: seen.rounds == 1)

    asyncio.run(asyncio.wait_for(scenario(), 60))
