"""Processes are started again while clocks are wrong, by more each time: nothing waits for a time that is far away."""

import asyncio
from pathlib import Path

import pytest

from support.federation import tiny_plan
from support.small_world import COORDINATOR, World, lived
from support.world_setting import Setting

HOUR = 3600.0
YEAR = 365 * 24 * HOUR


@pytest.mark.parametrize("errors", [(HOUR, 0.0), (-HOUR, 0.0), (YEAR, -HOUR)], ids=["fast", "slow", "fast, then slow"])
@pytest.mark.parametrize("who", [COORDINATOR, "device0"])
def test_a_process_that_is_started_with_a_wrong_clock_holds_nothing_up(
    folder: Path, who: str, errors: tuple[float, ...]
) -> None:
    async def chaos(world: World) -> None:
        for error in errors:
            await world.until_rounds("device1", 1)
            while world.coordinator is None or not world.coordinator.state.buffer:
                await asyncio.sleep(0.05)
            world.clock_error = error
            world.kill(who)
            await world.until_started_again(who)

    world, ledger = lived(folder, Setting(tiny_plan(buffer=5), rounds=8, chaos=chaos, heals_after=0))
    ledger.check_to_the_last()
    assert world.age < 300
