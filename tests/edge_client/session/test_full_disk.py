"""A device whose disk is full, or can only be read, while it takes part."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_shared.clock import SteadyClock
from mfpt_shared.errors import MfptError
from mfpt_shared.protocol.messages import Ack, Stop, Update
from mfpt_shared.protocol.topics import COORDINATOR_STATE, PROMPT
from support.device import assigned, next_up
from support.session import SWAHILI, broker_of_a_running_federation, keep, online, prompt_of, said
from support.small_disk import SmallDisk, small_disk
from support.stub import Gate, StubTrainer

SECONDS = 10.0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk") as mounted:
        yield mounted


@pytest.fixture(autouse=True)
def _every_line_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


async def until_it_says(caplog: pytest.LogCaptureFixture, words: str) -> None:
    while not any(words in record.message for record in caplog.records):
        await asyncio.sleep(0.01)  # there is no event for a line in the log


@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_an_update_that_finds_no_room_is_sent_once_when_there_is_room(
    disk: SmallDisk, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    async def scenario() -> None:
        broker, gate = broker_of_a_running_federation(0), Gate()
        async with assigned(disk.path / "state", broker, 0, trainer=StubTrainer(gate=gate)) as running:
            sent = asyncio.create_task(next_up(running.spy, Update))
            await asyncio.to_thread(gate.reached.wait, SECONDS)
            disk.fill() if fault == "full" else disk.set_read_only(read_only=True)
            gate.open.set()
            await until_it_says(caplog, "update 1 is not on the disk")
            assert not sent.done()
            disk.make_room() if fault == "full" else disk.set_read_only(read_only=False)
            assert (await sent).header.sequence == 1
            assert DeviceFolder(disk.path / "state").outbox().sequences() == (1,)

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))


def test_a_device_that_ends_while_an_update_finds_no_room_has_sent_nothing_and_makes_it_again(
    disk: SmallDisk, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        broker, gate = broker_of_a_running_federation(0), Gate()
        async with assigned(disk.path / "state", broker, 0, trainer=StubTrainer(gate=gate)) as running:
            sent = asyncio.create_task(next_up(running.spy, Update))
            await asyncio.to_thread(gate.reached.wait, SECONDS)
            disk.fill()
            gate.open.set()
            await until_it_says(caplog, "update 1 is not on the disk")
        assert not sent.done()
        sent.cancel()
        assert "update 1 is given up: it was never on the disk, and nothing of it was sent" in caplog.text
        disk.make_room()
        async with assigned(disk.path / "state", broker_of_a_running_federation(0), 0) as again:
            assert (await next_up(again.spy, Update)).header.sequence == 1

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))


def test_a_prompt_that_finds_no_room_is_kept_when_there_is_room(
    disk: SmallDisk, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        broker, gate = broker_of_a_running_federation(0), Gate()
        async with assigned(disk.path / "state", broker, 0, trainer=StubTrainer(gate=gate)) as running:
            await asyncio.to_thread(gate.reached.wait, SECONDS)
            disk.fill()
            running.hears(said(PROMPT, prompt_of(3), SWAHILI))
            await until_it_says(caplog, "the newest prompt is not on the disk")
            disk.make_room()
            await until_it_says(caplog, "the newest prompt is on the disk now")
            assert DeviceFolder(disk.path / "state").prompt().header.version == 3
            gate.open.set()

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))


def test_an_update_that_is_acknowledged_on_a_read_only_disk_is_removed_later(
    disk: SmallDisk, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with assigned(disk.path / "state", broker_of_a_running_federation(0), 0) as running:
            await next_up(running.spy, Update)
            disk.set_read_only(read_only=True)
            running.told(Ack(sequence=1, staleness=0))
            await until_it_says(caplog, "the end of update 1 is not on the disk")
            disk.set_read_only(read_only=False)
            await until_it_says(caplog, "the end of update 1 is on the disk now")
            assert DeviceFolder(disk.path / "state").outbox().sequences() == ()

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))


def test_a_device_that_leaves_with_a_prompt_that_finds_no_room_ends_with_an_error(disk: SmallDisk) -> None:
    async def scenario() -> None:
        broker = broker_of_a_running_federation(0)
        async with assigned(disk.path / "state", broker, 0, clock=SteadyClock()) as running:
            await next_up(running.spy, Update)
            running.told(Ack(sequence=1, staleness=0))
            while DeviceFolder(disk.path / "state").outbox().sequences():
                await asyncio.sleep(0.01)  # there is no event for a file that goes
            disk.fill()
            keep(broker, said(PROMPT, prompt_of(5), SWAHILI))
            running.hears(said(COORDINATOR_STATE, online(5)))
            ready = running.ready
            running.told(Stop(reason="finished", version=5, session=ready.session, ready=ready.number))
            with pytest.raises(MfptError, match=r"the newest prompt cannot be kept: .*No space left on device"):
                await running.ended

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))
