"""A coordinator or a device is killed before and after each thing that it does, and nothing is lost or doubled.

Both sides run as they are, on a network in virtual time. What they do is counted first, in a life without faults; then
there is a life for every one of these effects, in which the process is killed there and started again.
"""

import itertools
from pathlib import Path

import pytest

from support.federation import tiny_plan
from support.ledger import Ledger
from support.small_world import COORDINATOR, World, lived
from support.world_setting import Fate, Setting

DEVICE = "device0"


def setting(*fates: Fate, seed: int = 0) -> Setting:
    return Setting(tiny_plan(buffer=2), seed=seed, fates=fates, heals_after=0)


def boundaries(folder: Path, who: str, *fates: Fate) -> int:
    """Return how many effect boundaries the last run of a process has when nothing more happens to it."""
    world, _ = lived(folder, setting(*fates))
    return world.lives[who][-1].passed


def is_killed(world: World, who: str, times: int) -> bool:
    return [life.is_over for life in world.lives[who]].count(True) == times


def check(ledger: Ledger) -> None:
    ledger.check_to_the_last()
    ledger.check_that_no_work_was_in_vain()


@pytest.mark.parametrize("who", [COORDINATOR, DEVICE])
def test_nothing_is_lost_or_doubled_wherever_a_process_is_killed(folder: Path, who: str) -> None:
    """Every ninth boundary; the slow test takes all."""
    for number in range(1, boundaries(folder / "calm", who) + 1, 9):
        world, ledger = lived(folder / f"{number}", setting(Fate(who, (number,))))
        assert is_killed(world, who, 1), number
        check(ledger)
        assert len(ledger.acknowledged) >= 4


@pytest.mark.slow
@pytest.mark.parametrize("who", [COORDINATOR, DEVICE])
@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_lost_or_doubled_at_any_boundary(folder: Path, who: str, seed: int) -> None:
    world, _ = lived(folder / "calm", setting(seed=seed))
    for number in range(1, world.lives[who][-1].passed + 1):
        _, ledger = lived(folder / f"{number}", setting(Fate(who, (number,)), seed=seed))
        check(ledger)


@pytest.mark.slow
@pytest.mark.parametrize("who", [COORDINATOR, DEVICE])
def test_nothing_is_lost_or_doubled_when_the_next_run_is_killed_as_well(folder: Path, who: str) -> None:
    lives = 0
    for first in range(1, boundaries(folder / "calm", who) + 1, 7):
        for second in range(1, boundaries(folder / f"{first}", who, Fate(who, (first,))) + 1, 7):
            _, ledger = lived(folder / f"{first}-{second}", setting(Fate(who, (first, second))))
            check(ledger)
            lives += 1
    assert lives > 20


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_when_both_sides_are_killed(folder: Path) -> None:
    sides = (range(1, boundaries(folder / side, side) + 1, 6) for side in (COORDINATOR, DEVICE))
    for one, other in itertools.product(*sides):
        fates = Fate(COORDINATOR, (one,)), Fate(DEVICE, (other,))
        _, ledger = lived(folder / f"{one}-{other}", setting(*fates))
        check(ledger)
