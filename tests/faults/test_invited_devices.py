"""Devices are invited while everything fails: an invitation for two admits two, whoever is killed when."""

from pathlib import Path

import pytest

from mfpt_coord.server.data_folder import DATABASE_FILE
from mfpt_coord.server.store import SqliteStore
from support.federation import tiny_plan
from support.ledger import Ledger
from support.misfortune import misfortune
from support.rough_broker import Weather
from support.small_world import COORDINATOR, World, lived
from support.world_setting import Fate, Setting

DEVICE = "device0"


def check(world: World, ledger: Ledger) -> None:
    ledger.check_to_the_last()
    store = SqliteStore(world.data / DATABASE_FILE)
    state = store.load()
    store.close()
    assert state is not None
    assert [invitation.uses for invitation in state.invitations.values()] == [0]
    assert {one.client for one in state.enrolments.values()} == {client for client, _, _ in ledger.stored}
    assert len(state.enrolments) == len(world.devices)


def setting(*fates: Fate) -> Setting:
    return Setting(tiny_plan(buffer=2), rounds=1, fates=fates, heals_after=0, is_closed=True)


@pytest.mark.slow
@pytest.mark.parametrize("who", [COORDINATOR, DEVICE])
def test_an_invitation_admits_whom_it_is_for_wherever_a_process_is_killed(folder: Path, who: str) -> None:
    world, ledger = lived(folder / "calm", setting())
    check(world, ledger)
    for number in range(1, world.lives[who][-1].passed + 1):
        check(*lived(folder / f"{number}", setting(Fate(who, (number,)))))


def test_members_come_through_bad_weather(folder: Path) -> None:
    weather = Weather(lost=0.1, doubled=0.2, late=0.2)
    check(
        *lived(
            folder,
            Setting(tiny_plan(buffer=2), rounds=4, weather=weather, chaos=misfortune, is_closed=True),
        )
    )
