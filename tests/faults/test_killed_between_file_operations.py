"""A device is killed between any two operations on its files: what it finds there then loses and doubles nothing."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from support.federation import tiny_plan
from support.small_world import World, lived
from support.world_setting import Fate, Setting

DEVICE: Final = "device0"
OPERATIONS: Final = ("replace", "unlink")


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Callable[[World], None]:
    """Count operations on files as effects of the process whose files they are; of one world at a time."""
    watched: list[World] = []

    def bounded(name: str) -> Callable[..., None]:
        operation = getattr(os, name)

        def act(path: Path, *more: Any, **options: Any) -> None:
            lives = [
                watched[-1].lives[device][-1]
                for device in (watched[-1].devices if watched else ())
                if device in watched[-1].lives and Path(path).is_relative_to(watched[-1].folder / device)
            ]
            for life in lives:
                life.passes(f"before os.{name}")
            operation(path, *more, **options)
            for life in lives:
                life.passes(f"after os.{name}")

        return act

    for name in OPERATIONS:
        monkeypatch.setattr(os, name, bounded(name))
    return watched.append


def check(folder: Path, watch: Callable[[World], None], *fates: Fate) -> World:
    async def chaos(world: World) -> None:
        watch(world)

    setting = Setting(tiny_plan(buffer=2), rounds=3, fates=fates, chaos=chaos, heals_after=0)
    world, ledger = lived(folder, setting)
    ledger.check_to_the_last()
    return world


def test_a_device_killed_between_some_operations_on_its_files(folder: Path, watch: Callable[[World], None]) -> None:
    """Every twentieth boundary; the slow test takes all."""
    calm = check(folder / "calm", watch).lives[DEVICE][-1]
    assert calm.passed > 70
    for number in range(1, calm.passed + 1, 20):
        check(folder / f"{number}", watch, Fate(DEVICE, (number,)))


@pytest.mark.slow
def test_a_device_killed_between_any_two_operations_on_its_files(folder: Path, watch: Callable[[World], None]) -> None:
    calm = check(folder / "calm", watch).lives[DEVICE][-1]
    assert calm.passed > 70
    for number in range(1, calm.passed + 1):
        check(folder / f"{number}", watch, Fate(DEVICE, (number,)))
