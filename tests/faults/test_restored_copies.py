"""An older copy of what a coordinator or a device keeps is restored, on a network in virtual time."""

import shutil
from pathlib import Path
from typing import Final

import pytest

from support.copies import copied_database, restored_database, restored_folder
from support.federation import tiny_plan
from support.rough_broker import Weather
from support.small_world import COORDINATOR, World, lived
from support.world_setting import Fate, Setting

DEVICE: Final = "device0"
NEVER: Final = 10**9


def setting(seed: int) -> Setting:
    return Setting(tiny_plan(buffer=2), rounds=6, seed=seed, weather=Weather(late=0.05, late_seconds=2), heals_after=0)


async def restore_the_device(world: World, runs: int) -> None:
    """Copy the device's folder after its first round; restore it after some more, in so many further runs."""
    copy = world.folder / "copy"
    await world.until_rounds(DEVICE, 1)
    shutil.copytree(world.folder / DEVICE, copy)
    for _ in range(runs):
        world.kill(DEVICE)
        await world.until_started_again(DEVICE)
        await world.until_rounds(DEVICE, 1)
    await world.until_rounds(DEVICE, 4)
    world.before_start[DEVICE] = lambda: restored_folder(copy, world.folder / DEVICE)
    world.kill(DEVICE)


async def restore_the_coordinator(world: World) -> None:
    """Copy the coordinator's database after the first round; restore it after some more."""
    copy = world.folder / "copy"
    await world.until_rounds(DEVICE, 1)
    copied_database(world.data, copy)
    await world.until_rounds(DEVICE, 4)
    world.before_start[COORDINATOR] = lambda: world.given_up.update(restored_database(copy, world.data))
    world.kill(COORDINATOR)


@pytest.mark.parametrize("seed", range(2))
def test_what_a_restored_device_is_told_to_be_accepted_is_stored(folder: Path, seed: int) -> None:
    about = setting(seed)
    about.chaos = lambda world: restore_the_device(world, runs=0)
    _, ledger = lived(folder, about)
    ledger.check_to_the_last()


@pytest.mark.slow
def test_a_restored_device_that_is_killed_while_updates_get_other_numbers_doubles_nothing(folder: Path) -> None:
    """In one of these lives an update has both its numbers when the next run begins."""

    def life(name: str, ends_at: int) -> World:
        about = setting(seed=0)
        about.chaos = lambda world: restore_the_device(world, runs=0)
        about.fates = (Fate(DEVICE, (NEVER, ends_at)),)
        world, ledger = lived(folder / name, about)
        ledger.check_to_the_last()
        return world

    restored = life("calm", NEVER).lives[DEVICE][1]
    ends = [life(f"{number}", number).lives[DEVICE][1].last for number in range(1, restored.passed + 1)]
    assert {"after an update was kept", "before an update is forgotten"} <= {*ends}


@pytest.mark.parametrize("seed", range(2))
def test_a_device_whose_later_runs_are_known_takes_part_again(folder: Path, seed: int) -> None:
    about = setting(seed)
    about.chaos = lambda world: restore_the_device(world, runs=3)
    about.is_started_again = True
    world, ledger = lived(folder, about)
    ledger.check_to_the_last()
    assert len(world.refusals) <= 1


@pytest.mark.parametrize("seed", range(2))
def test_a_coordinator_restored_from_a_copy_loses_nothing_of_what_it_acknowledges_from_then_on(
    folder: Path, seed: int
) -> None:
    about = setting(seed)
    about.chaos = restore_the_coordinator
    world, ledger = lived(folder, about)
    ledger.check_to_the_last()
    assert world.given_up, "something was acknowledged after the copy was taken"
