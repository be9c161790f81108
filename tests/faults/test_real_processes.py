"""Coordinator, broker and devices as processes, killed, cut off and restored at random, their messages disturbed."""

import asyncio
import time
from pathlib import Path

import pytest

from support.federation import tiny_plan
from support.ledger import Books, tell
from support.real_world import RealWorld

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.usefixtures("scripts")]

FAULTS_SECONDS = 60.0
PAUSE_SECONDS = 4.0
HEALED_SECONDS = 120.0


async def something_fails(world: RealWorld) -> None:
    await asyncio.sleep(world.rng.uniform(0.5, PAUSE_SECONDS))
    after = world.rng.uniform(1, PAUSE_SECONDS)
    match world.rng.choice(["coordinator", "broker", "device", "device", "cut", "old device", "old coordinator"]):
        case "coordinator":
            await world.kill_the_coordinator()
        case "broker":
            await world.kill_the_broker()
        case "device":
            await world.kill_a_device()
        case "cut":
            await world.cut_all_connections()
        case "old device":
            await world.restore_a_device(after)
        case _:
            await world.restore_the_coordinator(after)


async def disturbed_life(folder: Path, seed: int) -> Books:
    world = RealWorld(folder, tiny_plan(buffer=2), ("swh", "yor", "hau", "swh"), seed=seed, disturbed=0.2)
    async with world.living():
        ends = time.monotonic() + FAULTS_SECONDS
        while time.monotonic() < ends:
            await something_fails(world)
        await world.until_all_took_part_again(HEALED_SECONDS)
        return await world.close_the_books()


@pytest.mark.parametrize("seed", range(2))
def test_whatever_fails_what_was_acknowledged_is_folded_once(tmp_path: Path, seed: int) -> None:
    books = asyncio.run(asyncio.wait_for(disturbed_life(tmp_path, seed), 400))
    tell(books)
    books.ledger.check()
    assert not books.ledger.waiting
    assert books.faults >= 5
    assert len(books.ledger.acknowledged) > 4 * 5
