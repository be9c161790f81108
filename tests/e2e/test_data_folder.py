"""What a coordinator leaves in its data folder: nothing that others can read, and nothing of a folded update."""

import asyncio
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import Update
from mfpt_shared.protocol.topics import COORDINATOR_STATUS
from mfpt_shared.tensors import layout
from support.federation import tiny_plan
from support.neighbour import FEDERATION, Neighbour, plan_file
from support.programs import serve

pytestmark = pytest.mark.network


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def everything_in(folder: Path) -> Iterator[Path]:
    """Give what is in a folder, in which a broker may be making and removing files."""
    for place, folders, files in os.walk(folder):
        yield from (Path(place, name) for name in (*folders, *files))


def too_open(folder: Path) -> list[str]:
    found = []
    for path in (folder, *everything_in(folder)):
        with suppress(FileNotFoundError):
            mode = path.lstat().st_mode
            if stat.S_IMODE(mode) & (stat.S_IRWXG | stat.S_IRWXO):
                found.append(f"{path.relative_to(folder.parent)} {stat.filemode(mode)}")
    return found


def noise_of(device: Neighbour) -> Update:
    """Return an update whose bytes can be found again, wherever they are."""
    noise = np.random.default_rng(1)
    shapes = layout(tiny_plan())
    change = {name: noise.uniform(-0.1, 0.1, shape).astype(np.float32) for name, shape in shapes.items()}
    return Update(device.update(1).header, change)


def files_with(update: Update, folder: Path) -> set[str]:
    """Return the names of the files that hold the end of an update's body."""
    part, found = encode(update)[-40:-4], set[str]()
    for path in everything_in(folder):
        with suppress(FileNotFoundError):
            if path.is_file() and part in path.read_bytes():
                found.add(path.name)
    return found


@pytest.mark.usefixtures("open_umask")
def test_nobody_else_can_read_the_data_folder_and_a_folded_update_is_not_in_it(tmp_path: Path) -> None:
    data = tmp_path / "data"

    async def scenario() -> tuple[Update, list[str]]:
        plan = str(plan_file(tmp_path, tiny_plan(buffer=1)))
        async with serve(tmp_path, data, "--plan", plan) as serving:
            async with Neighbour(serving.address, "abc") as device:
                await device.take_part()
                update = noise_of(device)
                device.say(update)
                await device.until_told(b'"ack"')
            return update, too_open(data)

    update, while_serving = asyncio.run(asyncio.wait_for(scenario(), 90))

    assert while_serving == []
    assert too_open(data) == []
    assert (data / "coordinator.sqlite").exists()
    assert files_with(update, data) == set()


def test_a_folded_update_is_gone_from_the_database_once_the_status_tells_of_its_version(tmp_path: Path) -> None:
    data, status = tmp_path / "data", COORDINATOR_STATUS.path(FEDERATION)

    async def scenario() -> tuple[set[str], set[str]]:
        plan = str(plan_file(tmp_path, tiny_plan(buffer=2)))
        async with (
            serve(tmp_path, data, "--plan", plan) as serving,
            Neighbour(serving.address, "abc") as first,
            Neighbour(serving.address, "def") as second,
        ):
            first.transport.subscribe(status)
            await second.take_part()
            await first.take_part()
            update = noise_of(first)
            first.say(update)
            await first.until_told(b'"ack"')
            waiting = files_with(update, data)
            second.say(second.update(1))
            told = first.inbox.payloads
            await first.inbox.until(lambda: any(b'"version":1,' in payload for payload in told(status)))
            return waiting, files_with(update, data)

    waiting, folded = asyncio.run(asyncio.wait_for(scenario(), 90))
    database = {"coordinator.sqlite", "coordinator.sqlite-wal"}
    assert waiting & database
    assert not folded & database
