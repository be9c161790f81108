"""The wall clock of the machine is set while a federation runs: nothing waits longer, and nothing ends earlier."""

import asyncio
import time
from pathlib import Path

import pytest

from support.brokers import embedded
from support.federation import Device, coordinating, rows, running, tiny_plan
from support.inbox import SECONDS
from support.stub import StubTrainer

pytestmark = pytest.mark.network
HOUR = 3600.0


@pytest.mark.parametrize("jump", [-HOUR, pytest.param(1e8, marks=pytest.mark.slow)], ids=["back", "forward"])
def test_an_update_is_folded_although_the_clock_was_set_while_it_waited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    real, set_by = time.time, 0.0
    monkeypatch.setattr(time, "time", lambda: real() + set_by)

    async def scenario() -> None:
        nonlocal set_by
        plan = tiny_plan(buffer=9)
        async with (
            embedded(tmp_path / "broker") as broker,
            coordinating(tmp_path, plan, broker.address) as (coordinator, _),
        ):
            device = Device(tmp_path / "device", "swh", broker.address, StubTrainer(), rounds=1)
            async with running(device) as ended:
                await device.until(lambda seen: seen.rounds == 1)
                set_by = jump
                await asyncio.wait_for(ended, SECONDS)
            status = coordinator.status()
            assert abs(status.at - time.time()) < HOUR / 2
            assert abs(status.clients[0].last_seen - time.time()) < HOUR / 2

    asyncio.run(asyncio.wait_for(scenario(), 60))
    assert rows(tmp_path, "SELECT fold FROM updates") == [(1,)]
