"""Five hundred devices that lose the broker at once, and come back at once."""

import asyncio
from pathlib import Path
from typing import Final

import pytest

from support.federation import tiny_plan
from support.ledger import Books, tell
from support.real_world import RealWorld

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.usefixtures("scripts")]

DEVICES: Final = 500
LANGUAGES: Final = ("swh", "yor", "hau", "zul")
BACK_SECONDS: Final = 240.0


async def life_of_five_hundred(folder: Path) -> Books:
    plan = tiny_plan(buffer=DEVICES // 4, concurrency=DEVICES, fold_after=30.0)
    world = RealWorld(folder, plan, LANGUAGES, crew=DEVICES // len(LANGUAGES), seconds=(1.0, 5.0))
    async with world.living():
        await world.until_all_took_part_again(BACK_SECONDS)
        for _ in range(2):
            await world.kill_the_broker()
            await world.until_all_took_part_again(BACK_SECONDS)
        await world.kill_the_coordinator()
        await world.until_all_took_part_again(BACK_SECONDS)
        return await world.close_the_books()


def test_five_hundred_devices_that_come_back_at_once_lose_nothing(tmp_path: Path) -> None:
    books = asyncio.run(asyncio.wait_for(life_of_five_hundred(tmp_path), 4 * BACK_SECONDS))
    tell(books)
    books.ledger.check()
    assert not books.ledger.waiting
    assert books.faults == 3
    assert len({client for client, _, _ in books.ledger.stored}) == DEVICES
