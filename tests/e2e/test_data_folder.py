"""What a coordinator leaves in its data folder: nothing that others can read, and nothing of a folded update."""

import asyncio
import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import Update
from mfpt_shared.tensors import layout
from support.federation import tiny_plan
from support.neighbour import Neighbour, plan_file
from support.programs import serve

pytestmark = pytest.mark.network


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def too_open(folder: Path) -> list[str]:
    found = []
    for above, folders, files in os.walk(folder):
        for path in (Path(above, name) for name in (".", *folders, *files)):
            with contextlib.suppress(FileNotFoundError):  # the broker removes files while it runs
                mode = path.lstat().st_mode
                if stat.S_IMODE(mode) & (stat.S_IRWXG | stat.S_IRWXO):
                    found.append(f"{path.relative_to(folder)} {stat.filemode(mode)}")
    return found


@pytest.mark.usefixtures("open_umask")
def test_nobody_else_can_read_the_data_folder_and_a_folded_update_is_not_in_it(tmp_path: Path) -> None:
    data = tmp_path / "data"

    async def scenario() -> tuple[bytes, list[str]]:
        plan = str(plan_file(tmp_path, tiny_plan(buffer=1)))
        async with serve(tmp_path, data, "--plan", plan) as serving:
            async with Neighbour(serving.address, "abc") as device:
                await device.take_part()
                update = device.update(1)
                noise = np.random.default_rng(1)
                change = {
                    name: noise.uniform(-0.1, 0.1, shape).astype(np.float32)
                    for name, shape in layout(tiny_plan()).items()
                }
                content = encode(Update(update.header, change))
                device.say(Update(update.header, change))
                await device.until_told(b'"ack"')
            return content, too_open(data)

    content, while_serving = asyncio.run(asyncio.wait_for(scenario(), 90))

    assert while_serving == []
    assert too_open(data) == []
    assert (data / "coordinator.sqlite").exists()
    part = content[-40:-4]
    assert [str(path) for path in data.rglob("*") if path.is_file() and part in path.read_bytes()] == []
