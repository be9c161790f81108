"""Under masks, processes are killed before and after each thing that they do, and messages lost: the books balance.

What devices have trained is what was folded and what waits in their outboxes. Nobody but the devices can tell their
updates apart, so that the books hold sums.
"""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from mfpt_edge.session.sent_updates import read_update
from mfpt_edge.storage.outbox import Outbox
from mfpt_shared.masking.grid import grid
from mfpt_shared.tensors import dense, flatten, layout
from support.federation import rows
from support.masked_federation import masked_plan
from support.misfortune import misfortune
from support.rough_broker import Weather
from support.small_device import name_of
from support.small_world import COORDINATOR, World, lived
from support.world_setting import Fate, Setting

DEVICE: Final = "device0"
DEVICES: Final = 4
FOLDS: Final = 3
STEP: Final = 0.1
"""What a training of these devices adds to every value."""
PLAN: Final = masked_plan(buffer=DEVICES)


def setting(*fates: Fate, seed: int = 0) -> Setting:
    return Setting(PLAN, languages=("swh",) * DEVICES, rounds=10**6, folds=FOLDS, seed=seed, fates=fates, heals_after=0)


def trained(world: World) -> int:
    """Return how many updates the devices have made."""
    files = [world.journal(device) for device in world.devices]
    journals = [file.read_text("ascii").splitlines() for file in files if file.exists()]
    return sum(line.startswith("made ") for journal in journals for line in journal)


def folded(world: World) -> np.ndarray:
    """Return the sum of all updates in all versions."""
    prompts = {
        version: np.frombuffer(vector, np.float32).astype(np.float64)
        for version, vector in rows(world.data, "SELECT version, vector FROM prompts WHERE language = 'swh'")
    }
    counts = rows(world.data, "SELECT fold, count(*) FROM updates GROUP BY fold")
    steps = [number * (prompts[version] - prompts[version - 1]) for version, number in counts]
    return np.asarray(np.sum(steps, axis=0))


def waiting(world: World) -> np.ndarray:
    """Return the sum of what devices keep that is in no version."""
    stored = set(rows(world.data, "SELECT client, sequence FROM updates"))
    total = np.zeros(grid(PLAN).length - grid(PLAN).extras)
    for device in world.devices:
        outbox = Outbox(world.folder / device / "outbox")
        for sequence in outbox.sequences():
            if (name_of(device), sequence) not in stored:
                total += flatten(dense(read_update(outbox.payload(sequence)).delta), layout(PLAN))
    return total


def check(world: World, refused: int = 0) -> None:
    """Balance the books.

    Args:
        world: A world at its end.
        refused: Updates that the coordinator has refused with a reason, and the devices have dropped.
    """
    made = trained(world) - refused
    assert made >= DEVICES
    # Where a process ends, what rounding has left out ends with it.
    lost = made * grid(PLAN).spacing
    assert lost.min() < STEP / 2, "too little to hide a training"
    assert (np.abs(folded(world) + waiting(world) - made * STEP) <= lost).all()
    assert rows(world.data, "SELECT count(*) FROM updates WHERE fold IS NULL") == [(0,)]


def carried(world: World) -> int:
    """Return how many updates are in no sum of their own, because a later one carries them."""
    kept = sum(len(Outbox(world.folder / device / "outbox").sequences()) for device in world.devices)
    return trained(world) - kept - len(rows(world.data, "SELECT number FROM updates"))


def boundaries(folder: Path, who: str, *fates: Fate) -> int:
    """Return how many effect boundaries the last run of a process has when nothing more happens to it."""
    world, _ = lived(folder, setting(*fates))
    check(world)
    return world.lives[who][-1].passed


@pytest.mark.slow
@pytest.mark.parametrize(("who", "every"), [(COORDINATOR, 3), (DEVICE, 1)])
def test_every_training_counts_once_under_masks_wherever_a_process_is_killed(
    folder: Path, who: str, every: int
) -> None:
    for number in range(1, boundaries(folder / "calm", who) + 1, every):
        world, _ = lived(folder / f"{number}", setting(Fate(who, (number,))))
        check(world)


def fate_of_a_cohort(folder: Path) -> Fate:
    """Return the first fate of a coordinator that dies between the masked updates and their sum, so that all carry."""
    for number in range(1, boundaries(folder / "calm", COORDINATOR) + 1):
        fate = Fate(COORDINATOR, (number,))
        world, _ = lived(folder / f"cohort{number}", setting(fate))
        if carried(world) == DEVICES:
            return fate
    raise AssertionError("no coordinator died in time")


@pytest.mark.slow
def test_what_a_device_carries_counts_once_wherever_the_device_is_killed(folder: Path) -> None:
    fate = fate_of_a_cohort(folder)
    for number in range(1, boundaries(folder / "unharmed", DEVICE, fate) + 1):
        world, _ = lived(folder / f"{number}", setting(fate, Fate(DEVICE, (number,))))
        check(world)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_every_training_counts_once_under_masks_whatever_the_weather(
    folder: Path, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Messages are lost, doubled, late and overtaken; connections are cut; processes and broker are killed."""
    caplog.set_level(logging.INFO)
    weather = Weather(lost=0.1, doubled=0.2, late=0.2)
    stormy = replace(setting(seed=seed), weather=weather, chaos=misfortune, heals_after=120)
    world, _ = lived(folder, stormy)
    check(world, refused=caplog.text.count("was rejected: "))
    assert world.faults >= 6
