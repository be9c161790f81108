"""Devices under a plan with local noise: what leaves them, and how they stop when their budget is spent."""

import asyncio
import logging
import shutil
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pytest

from mfpt_edge.core.leaving import SPENT
from mfpt_shared.device.accountant import cost_of_release, epsilon, releases_left
from mfpt_shared.plan import Privacy, checked
from mfpt_shared.protocol.codec import decode
from mfpt_shared.protocol.messages import Metrics, Update
from mfpt_shared.protocol.topics import CLIENT_UP
from mfpt_shared.tensors import dense, flatten, initial_state, layout
from mfpt_shared.transport.address import BrokerAddress
from support.brokers import embedded
from support.federation import LANGUAGES, Device, coordinating, rows, running, stored_prompts, tiny_plan
from support.inbox import SECONDS
from support.masked_federation import masked_plan
from support.stub import StubTrainer

pytestmark = pytest.mark.network

PRIVACY: Final = Privacy(clip_norm=0.5, noise="local", noise_multiplier=4.0, epsilon=3.5)
PLAN: Final = checked(msgspec.structs.replace(tiny_plan(), privacy=PRIVACY))
FITTING: Final = 2
"""Number of updates for which that budget is enough."""


async def take_part(folder: Path, broker: BrokerAddress, *, rounds: int | None = None) -> Device:
    device = Device(folder, "swh", broker, StubTrainer(step=1.0), rounds=rounds)
    await asyncio.wait_for(device.run(), SECONDS)
    return device


def test_a_device_makes_as_many_noisy_updates_as_its_budget_allows_and_then_leaves_with_a_prompt(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert releases_left(PLAN) == FITTING

    async def scenario() -> tuple[Device, Device]:
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, PLAN, broker.address),
        ):
            first = await take_part(tmp_path / "device", broker.address)
            return first, await take_part(tmp_path / "device", broker.address)

    first, again = asyncio.run(asyncio.wait_for(scenario(), 60))

    assert (first.client.snapshot.rounds, again.client.snapshot.rounds) == (FITTING, 0)
    assert SPENT in caplog.text
    assert first.client.snapshot.epsilon == again.client.snapshot.epsilon
    assert 2.5 < (first.client.snapshot.epsilon or 0) <= PRIVACY.epsilon
    assert again.client.snapshot.version == FITTING
    updates = [decode(CLIENT_UP, payload) for (payload,) in rows(tmp_path, "SELECT payload FROM updates")]
    deltas = []
    for update in updates:
        assert isinstance(update, Update)
        assert update.header.metrics == Metrics()
        deltas.append(flatten(dense(update.delta), layout(PLAN)))
    wanted = PRIVACY.clip_norm * PRIVACY.noise_multiplier
    assert [delta.std() for delta in deltas] == pytest.approx([wanted] * FITTING, rel=0.5)
    assert not np.array_equal(deltas[0], deltas[1])


@pytest.mark.slow
def test_a_restored_copy_of_a_device_has_spent_what_the_device_had(tmp_path: Path) -> None:
    async def scenario() -> Device:
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, PLAN, broker.address),
        ):
            await take_part(tmp_path / "device", broker.address, rounds=1)
            shutil.copytree(tmp_path / "device", tmp_path / "copy")
            await take_part(tmp_path / "device", broker.address)
            return await take_part(tmp_path / "copy", broker.address)

    copy = asyncio.run(asyncio.wait_for(scenario(), 60))

    assert copy.client.snapshot.rounds == 0, "no number was left for what it had made before it could know"
    assert copy.client.snapshot.phase == "done"
    assert len(rows(tmp_path, "SELECT sequence FROM updates")) == FITTING


def test_devices_add_the_noise_of_a_cohort_together_and_count_what_it_costs_each(tmp_path: Path) -> None:
    privacy = Privacy(aggregation="masked", clip_norm=0.5, noise="distributed", noise_multiplier=4.0, epsilon=3.5)
    plan = msgspec.structs.replace(masked_plan(buffer=3), privacy=privacy)

    async def scenario() -> list[Device]:
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, plan, broker.address, folds=1) as (_, serving),
        ):
            devices = [
                Device(tmp_path / tag, tag, broker.address, StubTrainer(step=0.0), rounds=1) for tag in LANGUAGES
            ]
            async with running(*devices) as ended:
                await asyncio.wait_for(ended, SECONDS)
            await asyncio.wait_for(serving, SECONDS)
            return devices

    devices = asyncio.run(asyncio.wait_for(scenario(), 60))

    once = epsilon(cost_of_release(plan), privacy.failure_probability)
    assert [device.client.snapshot.epsilon for device in devices] == pytest.approx([once] * 3)
    start = flatten(initial_state(plan), layout(plan))
    for state in stored_prompts(tmp_path, plan, version=1).values():
        moved = np.linalg.norm(flatten(state, layout(plan)) - start)
        assert moved == pytest.approx(privacy.clip_norm, rel=0.01), "far longer, and scaled down to the bound"
