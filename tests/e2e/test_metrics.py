"""What a coordinator measures while real devices train."""

import asyncio
from pathlib import Path

import pytest

from mfpt_coord.server.metrics.families import families
from mfpt_coord.server.metrics.meters import Meters
from support.brokers import embedded
from support.federation import LANGUAGES, Device, coordinating, running, tiny_plan
from support.inbox import SECONDS
from support.stub import StubTrainer

pytestmark = pytest.mark.network


def test_versions_commits_updates_and_languages_are_counted(tmp_path: Path) -> None:
    meters = Meters()

    async def scenario() -> dict[tuple[str, ...], float]:
        plan = tiny_plan(buffer=3)
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, plan, broker.address, folds=4, observer=meters) as (coordinator, serving),
        ):
            devices = [Device(tmp_path / tag, tag, broker.address, StubTrainer(step=0.25)) for tag in LANGUAGES]
            async with running(*devices) as ended:
                await asyncio.wait_for(ended, SECONDS)
            await asyncio.wait_for(serving, SECONDS)
            measured = [*families(coordinator.vital_signs(), tmp_path / "none"), *meters.collect()]
        samples = [sample for family in measured for sample in family.samples]
        return {(sample.name, *sample.labels.values()): sample.value for sample in samples}

    found = asyncio.run(asyncio.wait_for(scenario(), 60))

    assert found["mfpt_fold_seconds_count",] == found["mfpt_version",] == 4
    assert found["mfpt_updates_total", "accepted"] == 12
    assert found["mfpt_commit_seconds_count",] >= 4
    assert found["mfpt_commit_failures_total",] == 0
    assert {found["mfpt_language_devices", tag, "offline"] for tag in LANGUAGES} == {1}
    assert {found["mfpt_language_examples_total", tag] for tag in LANGUAGES} == {40}
