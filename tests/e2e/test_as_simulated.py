"""What real devices leave with is what the simulator says that they leave with."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from mfpt_coord.simulate import run as simulation
from mfpt_coord.simulate.experiment import Experiment
from mfpt_coord.simulate.fleet import Fleet
from mfpt_shared.device.trainer import Share
from mfpt_shared.languages import LanguageCode
from support.brokers import embedded
from support.federation import Device, coordinating, running
from support.inbox import SECONDS
from support.laboratory import ToyLaboratory, direction, toy_plan

pytestmark = pytest.mark.network

LANGUAGES = tuple(LanguageCode(tag) for tag in ("swh", "zul", "yor"))
EXAMPLES, ROUNDS = 40, 6
ORDERS = 10
PLAN = msgspec.structs.replace(toy_plan(), federation="test")


def laboratory() -> ToyLaboratory:
    return ToyLaboratory({tag: direction() + 0.3 * direction(1 + place) for place, tag in enumerate(LANGUAGES)})


def simulated() -> dict[LanguageCode, list[float]]:
    """Return the accuracy of each language's last prompt, in as many orders of updates as there are seeds."""
    fleet = Fleet(spread=1.0)
    outcomes = [
        simulation.run(
            Experiment(
                plan=PLAN,
                method="mfpt",
                languages=LANGUAGES,
                examples=EXAMPLES,
                rounds=ROUNDS,
                seed=seed,
                fleet=fleet,
            ),
            laboratory(),
            {},
        )
        for seed in range(ORDERS)
    ]
    return {tag: [outcome.accuracy[tag] for outcome in outcomes] for tag in LANGUAGES}


def test_devices_leave_with_the_last_version_which_does_as_well_as_the_simulators(tmp_path: Path) -> None:
    share = {tag: Share(tag, tuple(range(EXAMPLES))) for tag in LANGUAGES}
    trainers = {tag: laboratory().trainer(PLAN, [share[tag]]) for tag in LANGUAGES}

    async def scenario() -> None:
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, PLAN, broker.address) as (coordinator, _),
        ):
            devices = [
                Device(tmp_path / tag, tag, broker.address, trainers[tag], rounds=ROUNDS, leave_after=60)
                for tag in LANGUAGES
            ]
            async with running(*devices) as ended:
                await asyncio.wait_for(ended, SECONDS)
            last = coordinator.state.version

        expected = simulated()
        for tag, device in zip(LANGUAGES, devices, strict=True):
            assert device.client.snapshot.version == last
            # The order of updates is chance in both worlds. One more order lies outside of the range of ten others now
            # and then, but hardly ever by half of that range.
            low, high = min(expected[tag]), max(expected[tag])
            slack = (high - low) / 2
            assert low - slack <= trainers[tag].test(device.state).accuracy <= high + slack

    asyncio.run(asyncio.wait_for(scenario(), 60))
