"""The coordinator comes back with another plan, in another data folder, while devices run and hold old updates."""

import asyncio
from pathlib import Path
from typing import Final

import msgspec
import pytest

from mfpt_shared.keys import SigningKey
from mfpt_shared.plan import Plan
from support.federation import tiny_plan
from support.ledger import Ledger, stored_in
from support.sealing import key_of
from support.small_world import COORDINATOR, World, lived
from support.world_setting import Setting

ROUNDS: Final = 4


def other_plan() -> Plan:
    plan = tiny_plan(buffer=2)
    return msgspec.structs.replace(plan, prompt=msgspec.structs.replace(plan.prompt, tokens=6))


def begin_another(world: World, key: SigningKey) -> None:
    """Kill the coordinator; the next one has a data folder and a plan of its own, and this key."""

    def replace() -> None:
        world.given_up |= stored_in(world.data)
        world.data, world.plan, world.key = world.folder / "other", other_plan(), key

    world.before_start[COORDINATOR] = replace
    world.kill(COORDINATOR)


def check(world: World, ledger: Ledger) -> None:
    ledger.check_to_the_last()
    assert len(ledger.stored) >= ROUNDS * len(world.devices)


@pytest.mark.parametrize("seed", range(2))
def test_devices_are_told_of_another_plan_and_follow_it_once_they_are_started_again(folder: Path, seed: int) -> None:
    async def chaos(world: World) -> None:
        await world.until_rounds("device0", 2)
        begin_another(world, world.key)

    setting = Setting(tiny_plan(buffer=2), rounds=ROUNDS, seed=seed, chaos=chaos, heals_after=0, is_started_again=True)
    world, ledger = lived(folder, setting)
    check(world, ledger)
    assert len(world.refusals) == len(world.devices)
    assert not [reason for reason in world.refusals if other_plan().digest not in reason]


def test_devices_are_told_of_a_coordinator_with_another_key_and_follow_it_once_they_are_started_again(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def chaos(world: World) -> None:
        await world.until_rounds("device0", 2)
        begin_another(world, key_of("another"))
        await asyncio.sleep(150)
        told = [line for line in caplog.messages if "start this device again" in line]
        assert len(told) >= 2 * len(world.devices)
        for device in world.devices:
            world.kill(device)

    setting = Setting(tiny_plan(buffer=2), rounds=ROUNDS, chaos=chaos, heals_after=0)
    check(*lived(folder, setting))
