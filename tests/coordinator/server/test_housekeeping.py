"""The coordinator forgets devices while it runs, and says so in the audit table."""

import asyncio
from pathlib import Path

import pytest

from mfpt_coord.core.audit import Actor
from mfpt_coord.server.data_folder import DATABASE_FILE
from mfpt_coord.server.housekeeping import keep_house
from mfpt_coord.server.stored_audit import deeds
from mfpt_coord.server.stored_reading import read_rows
from support.brokers import embedded
from support.federation import Device, coordinating, rows, running, tiny_plan
from support.stub import StubTrainer

pytestmark = pytest.mark.network

ADA = Actor("ada", 1007)


def test_a_device_that_has_gone_for_good_is_forgotten_by_a_coordinator_that_runs(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, tiny_plan(buffer=1), broker.address) as (coordinator, _),
        ):
            device = Device(tmp_path / "swh", "swh", broker.address, StubTrainer(), rounds=1)
            async with running(device) as left:
                await asyncio.wait_for(left, 30)
            async with asyncio.timeout(30):
                while coordinator.state.clients.indices.online:
                    await asyncio.sleep(0.01)
                house = asyncio.ensure_future(keep_house(coordinator, 0.001, ADA, first=0.01))
                while coordinator.state.clients or coordinator.state.enrolments:
                    await asyncio.sleep(0.01)
            house.cancel()
            assert coordinator.state.counts.accepted == 1

    asyncio.run(asyncio.wait_for(scenario(), 60))
    assert rows(tmp_path, "SELECT count(*) FROM clients") == rows(tmp_path, "SELECT count(*) FROM updates") == [(0,)]
    (noted,) = [deed for deed in read_rows(tmp_path / DATABASE_FILE, deeds) if deed.action == "forget"]
    assert noted.by == ADA
