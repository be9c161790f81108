"""Messages lost, doubled, late, overtaken; connections cut; processes and broker killed: again and again, at random."""

import asyncio
from pathlib import Path

import pytest

from support.federation import tiny_plan
from support.ledger import Books, tell
from support.misfortune import misfortune
from support.rough_broker import Hearing, Weather
from support.sealing import key_of
from support.small_world import COORDINATOR, World, lived
from support.world_setting import Setting


def rough(seed: int, seconds: float = 120) -> Setting:
    return Setting(
        tiny_plan(buffer=2),
        languages=("swh", "yor", "hau", "swh"),
        rounds=5,
        seed=seed,
        weather=Weather(lost=0.1, doubled=0.2, late=0.2),
        chaos=misfortune,
        heals_after=seconds,
    )


def survives(folder: Path, setting: Setting) -> Books:
    """Live through a seed's misfortunes, and return the books."""
    world, ledger = lived(folder / f"{setting.seed}", setting)
    ledger.check_to_the_last()
    assert world.faults >= setting.heals_after / 20
    assert len(ledger.acknowledged) >= len(setting.languages) * setting.rounds
    return Books(world.faults, ledger)


def test_what_was_acknowledged_is_folded_once_whatever_the_weather(folder: Path) -> None:
    for seed in range(2):
        survives(folder, rough(seed, seconds=60))


async def the_coordinator_is_cut_off(world: World) -> None:
    """Cut the coordinator's connection, and nothing else: its will and its return follow each other closely."""
    while world.age < world.setting.heals_after:
        await asyncio.sleep(world.rng.uniform(0, 6))
        world.faults += 1
        world.broker.clients[key_of(COORDINATOR).secret("MQTT client id")].cut()


@pytest.mark.slow
def test_a_device_hears_of_the_coordinator_although_its_will_overtakes_its_return(folder: Path) -> None:
    for seed in range(40):
        late = Weather(late=0.3)
        setting = Setting(tiny_plan(), ("swh",), 8, seed, late, chaos=the_coordinator_is_cut_off, heals_after=30)
        survives(folder, setting)


@pytest.mark.parametrize("hearing", [Hearing.DEAF_UNTIL_A_RESTART, Hearing.DEAF_UNTIL_A_FRESH_FOLDER])
def test_a_broker_that_takes_everything_and_delivers_nothing_holds_nobody_up_for_long(
    folder: Path, hearing: Hearing
) -> None:
    async def the_broker_goes_deaf(world: World) -> None:
        for rounds in (1, 3):
            await world.until_rounds("device0", rounds)
            world.faults += 1
            world.broker.hearing = hearing

    setting = Setting(tiny_plan(buffer=2), rounds=5, chaos=the_broker_goes_deaf, heals_after=0)
    survives(folder, setting)


def test_whatever_is_lost_on_standing_connections_is_sent_again(folder: Path) -> None:
    for seed in range(2):
        setting = Setting(tiny_plan(), ("swh",), 3, seed, Weather(lost=0.3), heals_after=300)
        _, ledger = lived(folder / f"{seed}", setting)
        ledger.check_to_the_last()
        assert len(ledger.acknowledged) >= 3


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 120, 20))
def test_a_hundred_and_twenty_federations_in_bad_weather_lose_nothing(folder: Path, first: int) -> None:
    tell(*(survives(folder, rough(seed)) for seed in range(first, first + 20)))
