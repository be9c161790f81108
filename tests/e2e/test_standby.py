"""Two coordinators on one PostgreSQL database: one works, the other takes over when it is killed."""

import asyncio
import shutil
import signal
from functools import partial
from pathlib import Path

import pytest

from mfpt_edge.session.snapshot import Snapshot
from mfpt_shared.transport.address import PASSWORD_VARIABLE
from support.brokers import embedded
from support.database_records import folded_twice, stored, until_connected
from support.federation import Device, running, tiny_plan
from support.neighbour import plan_file
from support.postgres import served
from support.programs import serve
from support.stub import StubTrainer

pytestmark = [pytest.mark.network, pytest.mark.slow]


def test_a_coordinator_that_is_killed_is_followed_by_the_one_that_stands_by(tmp_path: Path) -> None:
    async def scenario() -> None:
        plan = tiny_plan(buffer=1)
        with served() as server:
            url = server.new_database()
            async with embedded(tmp_path / "broker") as broker:
                where = ("--broker", str(broker.address), "--open", "--store", url)
                extra = {PASSWORD_VARIABLE: broker.address.password or ""}
                first_dir, second_dir = tmp_path / "first", tmp_path / "second"
                named = ("--plan", str(plan_file(tmp_path, plan)))
                devices = [Device(tmp_path / tag, tag, broker.address, StubTrainer(step=1.0)) for tag in ("swh", "yor")]
                async with serve(tmp_path, first_dir, *where, *named, extra=extra) as first:
                    second_dir.mkdir(mode=0o700)
                    shutil.copy(first_dir / "coordinator.key", second_dir)
                    following = asyncio.create_task(_served(tmp_path, second_dir, where, extra, devices))
                    async with running(*devices):
                        await until_connected(url, 2)
                        await devices[0].until(lambda seen: seen.rounds >= 3)
                        first.process.send_signal(signal.SIGKILL)
                        await first.process.wait()
                        await following
            made = {
                (one.identity.client, number) for one in devices for number in range(1, one.client.snapshot.rounds + 1)
            }
            assert made <= stored(url)
            assert folded_twice(url) == []

    asyncio.run(asyncio.wait_for(scenario(), 120))


async def _served(
    home: Path, folder: Path, options: tuple[str, ...], extra: dict[str, str], devices: list[Device]
) -> None:
    """Run the coordinator that stands by, until devices have made rounds with it."""
    async with serve(home, folder, *options, extra=extra) as second:
        assert "standing by" in "".join(second.log)
        assert "taking over" in "".join(second.log)
        rounds = [device.client.snapshot.rounds for device in devices]
        for device, before in zip(devices, rounds, strict=True):
            await device.until(partial(_has_made, before + 3))


def _has_made(rounds: int, seen: Snapshot) -> bool:
    return seen.rounds >= rounds
