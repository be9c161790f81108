"""A cluster of three nodes and two coordinators on one database: each is killed in turn, and nothing is lost."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from mfpt_edge.session.snapshot import Snapshot
from mfpt_shared.invitation import InvitationLine
from mfpt_shared.transport.address import PASSWORD_VARIABLE
from support.cluster import Cluster, clustered
from support.database_records import folded_twice, stored, until_connected
from support.federation import LANGUAGES, Device, running, tiny_plan
from support.joining import admit, reach
from support.neighbour import plan_file
from support.operating import Operator
from support.postgres import served
from support.programs import Serving, serve
from support.remembering import RememberingFolder
from support.stub import StubTrainer

pytestmark = [pytest.mark.network, pytest.mark.slow]

RECOVERY_SECONDS = 90.0
TURN_SECONDS = 600.0


async def until_all_go_on(devices: list[Device], rounds: int = 2) -> None:
    """Wait until every device has had further updates acknowledged."""
    before = [device.client.snapshot.rounds for device in devices]
    for device, made in zip(devices, before, strict=True):
        await device.until(partial(_has_made, made + rounds), RECOVERY_SECONDS)


def _has_made(rounds: int, seen: Snapshot) -> bool:
    return seen.rounds >= rounds


@contextlib.asynccontextmanager
async def two_coordinators(home: Path, cluster: Cluster, url: str) -> AsyncIterator[Serving]:
    """Run a coordinator that works, and one that stands by; both end with the context."""
    options = ("--broker", cluster.addresses("coord"), "--open", "--keep", "forever", "--store", url)
    extra = {PASSWORD_VARIABLE: cluster.password("coordinator")}
    named = ("--plan", str(plan_file(home, tiny_plan(buffer=1))))
    ended = asyncio.Event()

    async def stand_by() -> None:
        async with serve(home, home / "second", *options, extra=extra, patience=TURN_SECONDS):
            await ended.wait()

    async with serve(home, home / "first", *options, *named, extra=extra) as first:
        (home / "second").mkdir(mode=0o700)
        shutil.copy(home / "first" / "coordinator.key", home / "second")
        second = asyncio.create_task(stand_by())
        try:
            await until_connected(url, 2)
            yield first
        finally:
            ended.set()
            if first.process.returncode is None:
                second.cancel()  # it never got its turn
            with contextlib.suppress(asyncio.CancelledError):
                await second


async def kill_each_in_turn(cluster: Cluster, working: Serving, devices: list[Device]) -> None:
    await until_all_go_on(devices)
    for index, node in enumerate(cluster.nodes):
        await node.kill()
        await until_all_go_on(devices)
        await node.start()
        await node.until_healthy()
        if index == 1:
            working.process.kill()
            await working.process.wait()
            await until_all_go_on(devices)


def test_no_update_is_lost_or_folded_twice_when_each_node_and_the_coordinator_are_killed(tmp_path: Path) -> None:
    async def scenario() -> None:
        with served() as server:
            url = server.new_database()
            async with clustered(tmp_path, "test") as cluster:
                where = cluster.addresses(f"mfpt:{cluster.password('devices')}")
                folders = [RememberingFolder(tmp_path / tag) for tag in LANGUAGES]
                devices = [
                    Device(folder, tag, where, StubTrainer(step=1.0))
                    for folder, tag in zip(folders, LANGUAGES, strict=True)
                ]
                async with two_coordinators(tmp_path, cluster, url) as first, running(*devices):
                    await kill_each_in_turn(cluster, first, devices)
            kept = stored(url)
            for device, folder in zip(devices, folders, strict=True):
                answered_and_kept = {number for number in folder.forgotten if (device.identity.client, number) in kept}
                assert len(answered_and_kept) >= device.client.snapshot.rounds  # so many were acknowledged
            assert folded_twice(url) == []

    asyncio.run(asyncio.wait_for(scenario(), 600))


def test_an_invited_device_takes_part_at_a_cluster_with_the_password_of_all_devices(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with clustered(tmp_path, "test") as cluster:
            options = (
                "--broker",
                cluster.addresses("coord"),
                "--closed",
                "--plan",
                str(plan_file(tmp_path, tiny_plan())),
            )
            extra = {PASSWORD_VARIABLE: cluster.password("coordinator")}
            async with serve(tmp_path, tmp_path / "data", *options, extra=extra, patience=RECOVERY_SECONDS):
                line = InvitationLine.parse(await Operator(tmp_path, tmp_path / "data").invites())
                where = reach(invitation=line, password=cluster.password("devices"))
                membership = await admit(tmp_path / "swh", where)
                assert membership is not None
                assert [f"{address}" for address in membership.brokers()] == cluster.addresses("").replace(
                    "@", ""
                ).split(",")
                device = Device(
                    tmp_path / "swh", "swh", cluster.addresses("mfpt"), StubTrainer(step=1.0), membership=membership
                )
                async with running(device):
                    await device.until(lambda seen: seen.rounds >= 1, RECOVERY_SECONDS)

    asyncio.run(asyncio.wait_for(scenario(), 200))
