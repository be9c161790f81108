"""A broker that runs and delivers nothing is noticed, and the federation goes on."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

import pytest

from mfpt_shared.plan_files import plan_to_toml
from support.brokers import free_port
from support.federation import Device, running, tiny_plan
from support.programs import Serving, serve
from support.stub import StubTrainer

pytestmark = [pytest.mark.network, pytest.mark.slow]

SECONDS: Final = 90.0
MEGABYTES: Final = 24


class Trouble:
    """One federation, and what befalls its broker."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port = free_port()
        self.plan = folder / "plan.toml"
        self.plan.write_text(plan_to_toml(tiny_plan()), encoding="utf-8")

    @property
    def broker(self) -> Path:
        return self.data / "broker"

    @property
    def server(self) -> int:
        return int((self.broker / "nats.pid").read_text(encoding="ascii"))

    def serving(self) -> AbstractAsyncContextManager[Serving]:
        return serve(self.folder, self.data, "--plan", str(self.plan), port=self.port)

    def device(self, serving: Serving, name: str, rounds: int) -> Device:
        return Device(self.folder / name, "swh", serving.address, StubTrainer(), rounds=rounds)


def test_a_broker_that_hangs_is_restarted_and_devices_go_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        trouble = Trouble(tmp_path)
        async with trouble.serving() as serving:
            device = trouble.device(serving, "device", rounds=8)
            async with running(device):
                await device.until(lambda seen: seen.rounds >= 2, SECONDS)
                hanging = trouble.server
                os.kill(hanging, signal.SIGSTOP)
                await device.until(lambda seen: seen.rounds == 8, SECONDS)
                assert trouble.server != hanging
            assert "delivers none: restarting it" in "".join(serving.log)

    asyncio.run(asyncio.wait_for(scenario(), 2 * SECONDS))


def test_a_broker_with_a_damaged_folder_gets_a_fresh_one(tmp_path: Path) -> None:
    """It says that it is healthy, and confirms what it is sent (nats-server 2.15)."""

    async def scenario() -> None:
        trouble = Trouble(tmp_path)
        async with trouble.serving() as serving:
            device = trouble.device(serving, "first", rounds=1)
            async with running(device):
                await device.until(lambda seen: seen.rounds == 1, SECONDS)
        for file in trouble.broker.rglob("meta.inf"):
            if "$MQTT_msgs" in file.parts:
                file.unlink()
        async with trouble.serving() as serving:
            device = trouble.device(serving, "second", rounds=2)
            async with running(device):
                await device.until(lambda seen: seen.rounds == 2, SECONDS)
            assert "fresh folder" in "".join(serving.log)
        assert [folder.name for folder in trouble.broker.glob("jetstream.*")] == ["jetstream.damaged"]

    asyncio.run(asyncio.wait_for(scenario(), 3 * SECONDS))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes, which only root can make."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    made = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if not made or made.returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_federation_whose_disk_was_full_goes_on_when_there_is_room_again(small_disk: Path) -> None:
    async def scenario() -> None:
        trouble = Trouble(small_disk)
        async with trouble.serving() as serving:
            device = trouble.device(serving, "device", rounds=8)
            device.client  # noqa: B018 - its folder is made while there is room
            async with running(device):
                await device.until(lambda seen: seen.rounds >= 2, SECONDS)
                fill(small_disk / "ballast")
                await asyncio.sleep(30)  # the trouble itself: a disk that is full for half a minute
                (small_disk / "ballast").unlink()
                await device.until(lambda seen: seen.rounds == 8, 2 * SECONDS)

    asyncio.run(asyncio.wait_for(scenario(), 4 * SECONDS))


def fill(file: Path) -> None:
    with file.open("wb", buffering=0) as stream:
        while True:
            try:
                stream.write(bytes(4096))
            except OSError:
                return
