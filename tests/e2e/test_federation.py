"""Federations of stub trainers: real coordinator, real devices, a real broker, one event loop."""

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest

from mfpt_coord.core.relations import Distances, pair
from mfpt_shared.languages import LanguageCode
from mfpt_shared.tensors import PromptState, initial_state
from support.brokers import embedded
from support.federation import LANGUAGES, Device, coordinating, running, stored_prompts, tiny_plan
from support.inbox import SECONDS
from support.stub import Gate, StubTrainer

pytestmark = pytest.mark.network


def assert_equal_in_half_precision(state: PromptState, expected: PromptState) -> None:
    assert state.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(state[name], array.astype(np.float16).astype(np.float32), err_msg=name)


async def _some_distances(_languages: Iterable[LanguageCode], _metrics: Sequence[str]) -> Distances:
    codes = [LanguageCode(language) for language in LANGUAGES]
    return {
        pair(codes[0], codes[1]): {"syntactic": 0.1},
        pair(codes[0], codes[2]): {"syntactic": 0.9},
        pair(codes[1], codes[2]): {"syntactic": 0.5},
    }


def test_three_devices_of_three_languages_reach_the_last_version_and_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        plan = tiny_plan(buffer=3)
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, plan, broker.address, folds=4) as (coordinator, serving),
        ):
            devices = [
                Device(tmp_path / tag, tag, broker.address, StubTrainer(step=0.25, examples=10 * (1 + number)))
                for number, tag in enumerate(LANGUAGES)
            ]
            async with running(*devices) as ended:
                await asyncio.wait_for(ended, SECONDS)
            await asyncio.wait_for(serving, SECONDS)

            assert coordinator.state.version == 4
            assert [device.client.snapshot.version for device in devices] == [4, 4, 4]
            assert [device.client.snapshot.rounds for device in devices] == [4, 4, 4]

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_every_prompt_moves_by_the_step_that_all_devices_make(tmp_path: Path) -> None:
    async def scenario() -> None:
        plan = tiny_plan(buffer=3)
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, plan, broker.address, folds=2),
        ):
            devices = [
                Device(tmp_path / tag, tag, broker.address, StubTrainer(step=0.25, examples=10 * (1 + number)))
                for number, tag in enumerate(LANGUAGES)
            ]
            async with running(*devices) as ended:
                await asyncio.wait_for(ended, SECONDS)
        start = initial_state(plan)
        for state in stored_prompts(tmp_path, plan, version=2).values():
            for name, array in start.items():
                np.testing.assert_allclose(state[name], array + 0.5, atol=2e-3, err_msg=name)

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_every_device_receives_the_prompt_of_its_own_language(tmp_path: Path) -> None:
    async def scenario() -> None:
        plan = tiny_plan(buffer=3, proximity="fixed", temperature=0.3)
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, plan, broker.address, folds=3, look_up=_some_distances),
        ):
            steps = (0.5, -0.25, 1.0)
            devices = [
                Device(tmp_path / tag, tag, broker.address, StubTrainer(step=step))
                for tag, step in zip(LANGUAGES, steps, strict=True)
            ]
            async with running(*devices) as ended:
                await asyncio.wait_for(ended, SECONDS)
        prompts = stored_prompts(tmp_path, plan, version=3)
        for device in devices:
            assert device.client.prompts.newest is not None
            assert device.client.prompts.newest.header.language == device.identity.language
            assert_equal_in_half_precision(device.state, prompts[device.identity.language])
        biases = {tag: float(prompts[tag]["head.bias"][0]) for tag in LANGUAGES}
        assert len(set(biases.values())) == 3, biases

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_prompts_never_drift_when_training_changes_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        plan = tiny_plan(buffer=2, proximity="fixed")
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, plan, broker.address, folds=10, look_up=_some_distances),
        ):
            devices = [
                Device(tmp_path / tag, tag, broker.address, StubTrainer(step=0.0, examples=7 * (1 + number)))
                for number, tag in enumerate(LANGUAGES)
            ]
            async with running(*devices) as ended:
                await asyncio.wait_for(ended, SECONDS)
        start = initial_state(plan)
        for state in stored_prompts(tmp_path, plan, version=10).values():
            for name, array in start.items():
                np.testing.assert_array_equal(state[name], array, err_msg=name)
        for device in devices:
            assert_equal_in_half_precision(device.state, start)

    asyncio.run(asyncio.wait_for(scenario(), 60))


@pytest.mark.parametrize("when", ["training", "waiting"])
def test_a_device_leaves_once_the_last_version_exists(when: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        plan = tiny_plan(buffer=1, concurrency=2 if when == "training" else 1)
        gate = Gate()
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, plan, broker.address, folds=1) as (_, serving),
        ):
            # The slow one is assigned first. The other makes the version, or waits for an assignment until it exists.
            slow = Device(tmp_path / "swh", "swh", broker.address, StubTrainer(gate=gate))
            other = Device(tmp_path / "yor", "yor", broker.address, StubTrainer())
            async with running(slow) as slow_ended:
                assert await asyncio.to_thread(gate.reached.wait, SECONDS)
                async with running(other) as other_ended:
                    await other.until(lambda seen: (seen.version == 1) if when == "training" else seen.phase == "idle")
                    gate.open.set()
                    await asyncio.wait_for(asyncio.gather(slow_ended, other_ended), SECONDS)
            await asyncio.wait_for(serving, SECONDS)

            assert (slow.client.snapshot.version, other.client.snapshot.version) == (1, 1)

    asyncio.run(asyncio.wait_for(scenario(), 60))


@pytest.mark.parametrize("buffer", [1, 2], ids=["its update completes a version", "its update waits for a version"])
def test_a_device_leaves_with_the_version_that_contains_its_last_update(buffer: int, tmp_path: Path) -> None:
    async def scenario() -> None:
        plan = tiny_plan(buffer=buffer)
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, plan, broker.address) as (coordinator, _),
        ):
            device = Device(tmp_path / "swh", "swh", broker.address, StubTrainer(step=0.5), rounds=2)
            async with running(device) as ended:
                await asyncio.wait_for(ended, 10)

            assert device.client.snapshot.rounds == 2
            assert device.client.snapshot.version == coordinator.state.version == 2

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_a_device_that_is_done_leaves_with_what_the_others_made_after_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, tiny_plan(buffer=1), broker.address) as (coordinator, _),
        ):
            gate = Gate()
            slow = Device(tmp_path / "swh", "swh", broker.address, StubTrainer(gate=gate), rounds=3, leave_after=60)
            fast = Device(tmp_path / "yor", "yor", broker.address, StubTrainer(), rounds=1, leave_after=60)
            async with running(slow) as slow_ended:
                assert await asyncio.to_thread(gate.reached.wait, SECONDS)
                async with running(fast) as fast_ended:
                    await fast.until(lambda seen: seen.phase == "done")
                    gate.open.set()
                    await asyncio.wait_for(asyncio.gather(slow_ended, fast_ended), SECONDS)

            versions = [device.client.snapshot.version for device in (slow, fast)]
            assert versions == [coordinator.state.version] * 2 == [4, 4]

    asyncio.run(asyncio.wait_for(scenario(), 60))
