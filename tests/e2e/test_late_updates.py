"""Updates that arrive after newer versions exist, through a real broker."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from mfpt_shared.tensors import Array
from support.brokers import embedded
from support.federation import Device, coordinating, rows, running, stored_prompts, tiny_plan
from support.inbox import SECONDS
from support.stub import Gate, StubTrainer

pytestmark = pytest.mark.network


def test_a_late_update_counts_less_by_its_staleness(tmp_path: Path) -> None:
    async def scenario() -> None:
        plan = tiny_plan(buffer=1, staleness_exponent=0.5)
        gate = Gate()
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, plan, broker.address, folds=4) as (_, serving),
        ):
            slow = Device(tmp_path / "swh", "swh", broker.address, StubTrainer(step=1.0, gate=gate))
            quick = Device(tmp_path / "yor", "yor", broker.address, StubTrainer(step=0.0), rounds=3)
            async with running(slow) as slow_ended:
                assert await asyncio.to_thread(gate.reached.wait, SECONDS)
                async with running(quick):
                    await quick.until(lambda seen: (seen.rounds, seen.version) == (3, 3))
                gate.open.set()
                await asyncio.wait_for(slow_ended, SECONDS)
            await asyncio.wait_for(serving, SECONDS)

        late = rows(
            tmp_path, f"SELECT base_version, staleness, fold FROM updates WHERE client = '{slow.identity.client}'"
        )
        assert late == [(0, 3, 4)]
        assert slow.client.snapshot.staleness == 3
        # Three versions behind, an update counts (1 + 3) ** -0.5 = 1/2.
        moved: Array = stored_prompts(tmp_path, plan, 4)["swh"]["head.bias"]
        np.testing.assert_allclose(moved, 0.5, atol=1e-2)

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_an_update_that_is_too_old_is_not_counted_and_its_device_continues(tmp_path: Path) -> None:
    async def scenario() -> None:
        plan = tiny_plan(buffer=1, max_staleness=2)
        gate = Gate()
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, plan, broker.address) as (coordinator, _),
        ):
            slow = Device(tmp_path / "swh", "swh", broker.address, StubTrainer(gate=gate), rounds=1)
            quick = Device(tmp_path / "yor", "yor", broker.address, StubTrainer(), rounds=3)
            async with running(slow):
                assert await asyncio.to_thread(gate.reached.wait, SECONDS)
                async with running(quick):
                    await quick.until(lambda seen: (seen.rounds, seen.version) == (3, 3))
                gate.open.set()
                await slow.until(lambda seen: seen.rounds == 1)
            assert coordinator.state.counts.stale == 1

        late = rows(tmp_path, f"SELECT sequence, base_version FROM updates WHERE client = '{slow.identity.client}'")
        assert late == [(2, 3)]

    asyncio.run(asyncio.wait_for(scenario(), 60))
