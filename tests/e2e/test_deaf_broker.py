"""A broker that runs and delivers nothing is noticed, and the federation goes on."""

import asyncio
import os
import signal
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

import pytest

from mfpt_shared.plan_files import plan_to_toml
from support.brokers import free_port
from support.federation import Device, running, tiny_plan
from support.programs import Serving, serve
from support.small_disk import SmallDisk, small_disk
from support.stub import StubTrainer

pytestmark = [pytest.mark.network, pytest.mark.slow]

SECONDS: Final = 90.0
KILOBYTES: Final = 24 * 1024


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
            assert "delivers nothing: restarting it" in "".join(serving.log)

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


def test_a_federation_whose_disk_was_full_goes_on_when_there_is_room_again(tmp_path: Path) -> None:
    async def scenario(disk: SmallDisk) -> None:
        trouble = Trouble(disk.path)
        async with trouble.serving() as serving:
            device = Device(tmp_path / "device", "swh", serving.address, StubTrainer(), rounds=8)
            async with running(device):
                await device.until(lambda seen: seen.rounds >= 2, SECONDS)
                disk.fill()
                await asyncio.sleep(30)  # the trouble itself: a disk that is full for half a minute
                disk.make_room()
                await device.until(lambda seen: seen.rounds == 8, 2 * SECONDS)

    with small_disk(tmp_path / "disk", KILOBYTES) as disk:
        asyncio.run(asyncio.wait_for(scenario(disk), 4 * SECONDS))
