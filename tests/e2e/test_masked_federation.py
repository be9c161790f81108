"""Federations under masks: real coordinator, real devices with stub trainers, a real broker."""

import asyncio
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from mfpt_shared.masking.grid import grid
from mfpt_shared.tensors import initial_state
from support.brokers import embedded
from support.federation import LANGUAGES, Device, coordinating, running, stored_prompts
from support.inbox import SECONDS
from support.masked_federation import masked_plan
from support.stub import StubTrainer

pytestmark = pytest.mark.network

STEPS: Final = (0.01, 0.02, 0.06)
"""What each device's training adds to every value; their mean is 0.03."""


def test_a_masked_fold_is_the_mean_of_the_updates_that_nobody_has_read(tmp_path: Path) -> None:
    async def scenario() -> None:
        plan = masked_plan(buffer=3)
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, plan, broker.address, folds=1) as (_, serving),
        ):
            devices = [
                Device(tmp_path / tag, tag, broker.address, StubTrainer(step=step), rounds=1)
                for tag, step in zip(LANGUAGES, STEPS, strict=True)
            ]
            async with running(*devices) as ended:
                await asyncio.wait_for(ended, SECONDS)
            await asyncio.wait_for(serving, SECONDS)
            assert [device.client.snapshot.added_up for device in devices] == ["added up with 2 others"] * 3
        start = initial_state(plan)
        for state in stored_prompts(tmp_path, plan, version=1).values():
            for name, array in start.items():
                step = grid(plan).steps[name.startswith("head.")]
                np.testing.assert_allclose(state[name], array + np.mean(STEPS), atol=step, err_msg=name)

    asyncio.run(asyncio.wait_for(scenario(), 60))
