"""A full disk of the coordinator, or of its broker as well: what is acknowledged is stored, and it goes on later."""

import asyncio
import resource
from pathlib import Path

import pytest

from support.federation import tiny_plan
from support.ledger import Books, stored_in, tell
from support.real_world import RealWorld
from support.small_disk import SmallDisk, small_disk

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.usefixtures("scripts")]

FULL_SECONDS = 5.0
LATE_SECONDS = 4.0
"""Longer than a disturbed message may be on its way."""
DISK_KILOBYTES = 20_000


def let_files_grow(world: RealWorld, size: int) -> None:
    """Set how large the coordinator's files may become, bytes; its broker's may become as large as they like."""
    assert world.service.pid is not None
    resource.prlimit(world.service.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


async def life_with_a_full_disk(folder: Path) -> Books:
    world = RealWorld(folder, tiny_plan(buffer=2), ("swh", "yor", "hau"), seed=0, disturbed=0.1)
    async with world.living():
        for _ in range(3):
            await world.until_all_took_part_again(60)
            world.faults += 1
            let_files_grow(world, 0)
            await asyncio.sleep(LATE_SECONDS)
            before = world.acknowledged.copy()
            await asyncio.sleep(FULL_SECONDS)
            assert world.acknowledged == before
            assert not world.acknowledged - stored_in(world.service.data)
            let_files_grow(world, resource.RLIM_INFINITY)
        await world.until_all_took_part_again(60)
        return await world.close_the_books()


def test_a_coordinator_whose_disk_is_full_acknowledges_nothing_and_goes_on_when_there_is_room(
    tmp_path: Path,
) -> None:
    books = asyncio.run(asyncio.wait_for(life_with_a_full_disk(tmp_path), 300))
    tell(books)
    books.ledger.check()
    assert not books.ledger.waiting


async def life_on_a_full_disk(folder: Path, disk: SmallDisk) -> Books:
    world = RealWorld(folder, tiny_plan(buffer=2), ("swh", "yor", "hau"), disk=disk.path)
    async with world.living():
        for _ in range(2):
            await world.until_all_took_part_again(90)
            world.faults += 1
            disk.fill()
            await asyncio.sleep(FULL_SECONDS)
            assert not world.acknowledged - stored_in(world.service.data)
            disk.make_room()
        await world.until_all_took_part_again(120)
        return await world.close_the_books()


def test_a_coordinator_and_its_broker_go_on_after_their_disk_was_full(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", DISK_KILOBYTES) as disk:
        books = asyncio.run(asyncio.wait_for(life_on_a_full_disk(tmp_path, disk), 400))
        tell(books)
        books.ledger.check()
        assert not books.ledger.waiting
