"""Federations of stub trainers: real coordinator, real devices, a real broker, one event loop."""

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest

from mfpt_coord.core.relations import Distances, pair
from mfpt_shared.languages import LanguageCode
from mfpt_shared.tensors import Array, PromptState, initial_state
from support.brokers import embedded
from support.federation import Device, coordinating, rows, running, stored_prompts, tiny_plan
from support.inbox import SECONDS
from support.proxy import Proxy
from support.stub import Gate, StubTrainer

LANGUAGES = ("swh", "yor", "hau")


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


def test_equal_steps_of_all_move_every_prompt_by_that_step(tmp_path: Path) -> None:
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


def test_a_device_that_loses_the_broker_while_it_trains_delivers_its_update_afterwards_once(tmp_path: Path) -> None:
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


def test_a_coordinator_that_is_started_again_goes_on_from_its_version(tmp_path: Path) -> None:
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
                    # Updates that waited may have made the next one already.
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


def test_first_heads_in_closed_form_make_one_version_together_however_small_the_buffer(tmp_path: Path) -> None:
    async def scenario() -> None:
        plan = tiny_plan(buffer=1, head_start="ridge")
        gate = Gate()
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, plan, broker.address, folds=1) as (coordinator, serving),
        ):
            slow = Device(tmp_path / "swh", "swh", broker.address, StubTrainer(step=1.0, gate=gate))
            quick = Device(tmp_path / "yor", "yor", broker.address, StubTrainer(step=0.0))
            async with running(slow) as slow_ended:
                assert await asyncio.to_thread(gate.reached.wait, SECONDS)
                async with running(quick):
                    await quick.until(lambda seen: seen.rounds == 1)
                    assert coordinator.state.version == 0
                    gate.open.set()
                    await asyncio.wait_for(slow_ended, SECONDS)
            await asyncio.wait_for(serving, SECONDS)

        assert rows(tmp_path, "SELECT fold, count(*) FROM updates GROUP BY fold") == [(1, 2)]

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_the_update_of_a_straggler_counts_with_its_staleness(tmp_path: Path) -> None:
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
        # Three versions behind, an update counts (1 + 3) ^ -0.5 = 1/2.
        moved: Array = stored_prompts(tmp_path, plan, 4)["swh"]["head.bias"]
        np.testing.assert_allclose(moved, 0.5, atol=1e-2)

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_an_update_that_is_too_old_is_not_counted_and_its_device_goes_on(tmp_path: Path) -> None:
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


@pytest.mark.parametrize("when", ["training", "waiting"])
def test_a_device_ends_when_the_last_version_exists(when: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        plan = tiny_plan(buffer=1, concurrency=2 if when == "training" else 1)
        gate = Gate()
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, plan, broker.address, folds=1) as (_, serving),
        ):
            # The slow one is assigned first; the other makes the version, or else waits for a place until there is one.
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
def test_a_device_ends_with_the_version_that_holds_the_last_of_its_rounds(buffer: int, tmp_path: Path) -> None:
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


def test_devices_that_are_there_before_the_coordinator_all_take_part_once_it_comes(tmp_path: Path) -> None:
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
