"""Coordinators and devices under masks that start anew at every stage: nothing is lost, and nothing counts twice."""

import asyncio
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from mfpt_shared.masking.grid import grid
from mfpt_shared.protocol.codec import Decoded
from mfpt_shared.protocol.messages import KeyShares, Masked, Reveal
from mfpt_shared.tensors import initial_state
from support.brokers import embedded
from support.federation import Device, coordinating, rows, running, stored_prompts
from support.inbox import SECONDS
from support.masked_federation import Died, Moment, MortalDevice, listening, masked_plan
from support.stub import Gate, StubTrainer

pytestmark = pytest.mark.network

STEPS: Final = (0.01, 0.02, 0.06)
"""What each device's training adds to every value."""


def assert_every_training_counts_once(directory: Path, devices: list[Device]) -> None:
    """Check that the only fold is the mean of all that the devices have trained, in however many updates."""
    plan = masked_plan(buffer=3)
    stored = rows(directory, "SELECT client, fold FROM updates ORDER BY client")
    assert stored == sorted((device.identity.client, 1) for device in devices)
    assert [device.folder.outbox().sequences() for device in devices] == [()] * len(devices)
    trained = [device.folder.outbox().last_sequence * step for device, step in zip(devices, STEPS, strict=True)]
    moved = stored_prompts(directory, plan, version=1)["swh"]
    for name, array in initial_state(plan).items():
        step = grid(plan).steps[name.startswith("head.")]
        np.testing.assert_allclose(moved[name], array + np.mean(trained), atol=2 * step, err_msg=name)


@pytest.mark.parametrize(
    ("moment", "dying", "said", "number", "trainings"),
    [
        pytest.param("gathered", 1, KeyShares, 2, [1, 1, 1], id="before the key shares", marks=pytest.mark.slow),
        pytest.param("delivered", 1, Masked, 2, [1, 2, 2], id="before the masked updates"),
        pytest.param("unmasked", 2, Reveal, 1, [2, 2, 2], id="before the masks are off", marks=pytest.mark.slow),
    ],
)
def test_a_coordinator_that_is_started_anew_counts_every_training_once(
    tmp_path: Path, moment: Moment, dying: int, said: type[Decoded], number: int, trainings: list[int]
) -> None:
    async def scenario() -> list[Device]:
        plan = masked_plan(buffer=3)
        async with embedded(tmp_path / "broker") as broker, listening(broker.address) as ear:
            trainers = [StubTrainer(step=step) for step in STEPS]
            folders = [tmp_path / f"device{place}" for place in range(3)]
            mortals = [
                MortalDevice(*(folders[place], "swh", broker.address, trainers[place]), moment=moment)
                for place in range(dying)
            ]
            others = [
                Device(folders[place], "swh", broker.address, trainers[place], rounds=1) for place in range(dying, 3)
            ]
            async with running(*others) as ended:
                async with coordinating(tmp_path, plan, broker.address):
                    died = await asyncio.wait_for(
                        asyncio.gather(*(one.run() for one in mortals), return_exceptions=True), SECONDS
                    )
                    assert [type(one) for one in died] == [Died] * dying
                    await ear.until(said, number)
                async with coordinating(tmp_path, plan, broker.address, folds=1) as (_, serving):
                    again = [
                        Device(folders[place], "swh", broker.address, trainers[place], rounds=1)
                        for place in range(dying)
                    ]
                    async with running(*again) as all_ended:
                        await asyncio.wait_for(asyncio.gather(ended, all_ended), SECONDS)
                    await asyncio.wait_for(serving, SECONDS)
        return [*again, *others]

    devices = asyncio.run(asyncio.wait_for(scenario(), 60))
    assert [device.folder.outbox().last_sequence for device in devices] == trainings
    assert_every_training_counts_once(tmp_path, devices)


@pytest.mark.slow
def test_a_device_that_drops_out_after_its_key_shares_is_in_the_next_fold(tmp_path: Path) -> None:
    steps = (0.08, *STEPS)

    async def scenario() -> None:
        plan = masked_plan(buffer=4)
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, plan, broker.address, folds=2) as (coordinator, serving),
        ):
            trainers = [StubTrainer(step=step) for step in steps]
            first = MortalDevice(tmp_path / "0", "swh", broker.address, trainers[0], moment="delivered")
            others = [Device(tmp_path / f"{place}", "swh", broker.address, trainers[place]) for place in (1, 2, 3)]
            async with running(*others) as ended:
                with pytest.raises(Died):
                    await asyncio.wait_for(first.run(), SECONDS)
                await others[0].until(lambda seen: seen.version == 1)
                assert coordinator.state.counts.accepted == 3
                again = Device(tmp_path / "0", "swh", broker.address, trainers[0])
                async with running(again) as all_ended:
                    await asyncio.wait_for(asyncio.gather(ended, all_ended), SECONDS)
            await asyncio.wait_for(serving, SECONDS)
            assert coordinator.state.counts.accepted == 7
        start, moved = initial_state(plan), stored_prompts(tmp_path, plan, version=2)["swh"]
        for name, array in start.items():
            step = grid(plan).steps[name.startswith("head.")]
            expected = array + np.mean(STEPS) + np.mean(steps)
            np.testing.assert_allclose(moved[name], expected, atol=2 * step, err_msg=name)

    asyncio.run(asyncio.wait_for(scenario(), 60))


@pytest.mark.slow
def test_a_device_that_starts_anew_after_its_masked_update_counts_once(tmp_path: Path) -> None:
    async def scenario() -> list[Device]:
        plan = masked_plan(buffer=3)
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, plan, broker.address) as (coordinator, _),
        ):
            trainers = [StubTrainer(step=step) for step in STEPS]
            first = MortalDevice(tmp_path / "0", "swh", broker.address, trainers[0], moment="unmasked")
            others = [
                Device(tmp_path / f"{place}", "swh", broker.address, trainers[place], rounds=1) for place in (1, 2)
            ]
            async with running(*others) as ended:
                with pytest.raises(Died):
                    await asyncio.wait_for(first.run(), SECONDS)
                await asyncio.wait_for(ended, SECONDS)
            gate = Gate()
            again = Device(tmp_path / "0", "swh", broker.address, StubTrainer(gate=gate))
            assert again.folder.outbox().was_sent(1)
            async with running(again):
                await again.until(lambda _: again.folder.outbox().sequences() == ())
            assert coordinator.state.counts.accepted == 3
        return [again, *others]

    assert_every_training_counts_once(tmp_path, asyncio.run(asyncio.wait_for(scenario(), 60)))
