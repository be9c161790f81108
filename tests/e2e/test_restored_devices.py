"""State folders that were restored from an older copy, copied, or left from before a change of plan."""

import asyncio
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from mfpt_shared.errors import Incompatible
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import Update, UpdateHeader
from mfpt_shared.tensors import quantise
from support.brokers import embedded
from support.federation import Device, coordinating, rows, running, tiny_plan
from support.inbox import SECONDS
from support.stub import Gate, StubTrainer

pytestmark = pytest.mark.network


def test_what_a_restored_device_trains_is_stored_before_it_is_acknowledged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its next number has been given to another update, of which its folder knows nothing any more."""
    caplog.set_level(logging.INFO)

    async def scenario() -> None:
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, tiny_plan(), broker.address) as (coordinator, _),
        ):

            async def one_round(folder: Path, step: float) -> None:
                device = Device(folder, "swh", broker.address, StubTrainer(step=step), rounds=1)
                await asyncio.wait_for(device.run(), SECONDS)
                assert device.client.snapshot.rounds == 1

            await one_round(tmp_path / "device", 1.0)
            shutil.copytree(tmp_path / "device", tmp_path / "backup")
            await one_round(tmp_path / "device", 2.0)
            await one_round(tmp_path / "backup", 3.0)
            assert (coordinator.state.counts.accepted, coordinator.state.counts.duplicate) == (3, 0)

    asyncio.run(asyncio.wait_for(scenario(), 60))
    assert rows(tmp_path, "SELECT sequence, fold FROM updates ORDER BY number") == [(1, 1), (2, 2), (3, 3)]
    assert "had number 2 before" in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize("at_work", [False, True], ids=["waits", "trains"])
def test_of_two_copies_of_a_state_folder_the_one_that_was_started_first_ends(tmp_path: Path, at_work: bool) -> None:
    async def scenario() -> None:
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, tiny_plan(buffer=9, fold_after=600.0), broker.address),
        ):
            gate = Gate()
            first = Device(tmp_path / "device", "swh", broker.address, StubTrainer(gate=gate if at_work else None))
            ended = asyncio.create_task(first.run())
            if at_work:
                assert await asyncio.to_thread(gate.reached.wait, SECONDS)
            else:
                await first.until(lambda seen: seen.rounds == 1)
            shutil.copytree(tmp_path / "device", tmp_path / "copy")
            second = Device(tmp_path / "copy", "swh", broker.address, StubTrainer())
            async with running(second):
                with pytest.raises(Incompatible, match="a later run of this device is known"):
                    await asyncio.wait_for(ended, SECONDS)
                await second.until(lambda seen: seen.link == "connected")

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_an_update_that_has_waited_since_the_plan_changed_is_dropped_at_once_with_a_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def scenario() -> None:
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, tiny_plan(), broker.address),
        ):
            device = Device(tmp_path / "device", "swh", broker.address, StubTrainer(), rounds=1)
            header = UpdateHeader(sequence=1, language="swh", base_version=3, examples=9, plan="old", backbone="")
            device.folder.outbox().put(1, encode(Update(header, {"prompt": quantise(np.ones((4, 8), np.float32))})))
            again = Device(tmp_path / "device", "swh", broker.address, StubTrainer(), rounds=1)
            await asyncio.wait_for(again.run(), SECONDS)

    asyncio.run(asyncio.wait_for(scenario(), 60))
    assert rows(tmp_path, "SELECT sequence FROM updates") == [(2,)]
    assert "update 1 was rejected: it was made under plan old" in caplog.text
