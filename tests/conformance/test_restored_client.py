"""A client of protocol 2 whose folder was restored from an older copy: it does not know of a `highest` number."""

import asyncio
import itertools
import shutil
from pathlib import Path

import pytest

from conformance.v2.folder import Folder
from support.brokers import embedded
from support.federation import coordinating, rows, tiny_plan
from support.second_client import second_client

pytestmark = [pytest.mark.network, pytest.mark.slow]


def test_a_restored_client_trains_again_until_its_numbers_are_new(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, tiny_plan(), broker.address) as (coordinator, _),
        ):
            runs = itertools.count()

            async def takes_part(folder: str, rounds: int) -> None:
                libraries = tmp_path / f"libraries-{next(runs)}"
                async with second_client(libraries, broker.address, "swh", tmp_path / folder, rounds=rounds) as client:
                    await client.until_it_leaves()

            await takes_part("device", 1)
            shutil.copytree(tmp_path / "device", tmp_path / "backup")
            await takes_part("device", 2)
            # Its sessions are counted, and one that was used before is not heard.
            Folder(tmp_path / "backup")
            await takes_part("backup", 1)
            assert coordinator.state.counts.duplicate == 0
            assert coordinator.state.counts.stale > 0

    asyncio.run(asyncio.wait_for(scenario(), 120))
    assert rows(tmp_path, "SELECT sequence FROM updates ORDER BY number") == [(1,), (2,), (3,), (4,)]
