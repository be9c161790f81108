"""What a coordinator leaves in its data folder: nothing that others can read, and nothing of a folded update."""

import asyncio
import os
import stat
from collections.abc import Iterator
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


def too_open(folder: Path) -> list[str]:
    return [
        f"{path.relative_to(folder.parent)} {stat.filemode(path.lstat().st_mode)}"
        for path in (folder, *folder.rglob("*"))
        if stat.S_IMODE(path.lstat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO)
    ]


def noise_of(device: Neighbour) -> Update:
    """Return an update whose bytes can be found again, wherever they are."""
    noise = np.random.default_rng(1)
    shapes = layout(tiny_plan())
    change = {name: noise.uniform(-0.1, 0.1, shape).astype(np.float32) for name, shape in shapes.items()}
    return Update(device.update(1).header, change)


def files_with(update: Update, folder: Path) -> list[str]:
    part = encode(update)[-40:-4]
    return [str(path) for path in folder.rglob("*") if path.is_file() and part in path.read_bytes()]


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
    assert files_with(update, data) == []


def test_a_folded_update_is_gone_from_the_database_once_the_status_tells_of_its_version(tmp_path: Path) -> None:
    data, status = tmp_path / "data", COORDINATOR_STATUS.path(FEDERATION)

    async def scenario() -> list[str]:
        plan = str(plan_file(tmp_path, tiny_plan(buffer=1)))
        async with serve(tmp_path, data, "--plan", plan) as serving, Neighbour(serving.address, "abc") as device:
            device.transport.subscribe(status)
            await device.take_part()
            update = noise_of(device)
            device.say(update)
            told = device.inbox.payloads
            await device.inbox.until(lambda: any(b'"version":1,' in payload for payload in told(status)))
            return [name for name in files_with(update, data) if "coordinator.sqlite" in name]

    assert asyncio.run(asyncio.wait_for(scenario(), 90)) == []
