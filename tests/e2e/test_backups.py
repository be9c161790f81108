"""Backups of a coordinator that serves, put back while its devices wait."""

import asyncio
import contextlib
import json
import signal
from pathlib import Path
from typing import Final

import pytest

from support.brokers import free_port
from support.federation import Device, rows, running, tiny_plan
from support.neighbour import plan_file
from support.programs import Serving, messages, run, serve
from support.stub import StubTrainer

pytestmark = [pytest.mark.network, pytest.mark.slow]

ROUNDS: Final = 6
LANGUAGES: Final = ("swh", "yor", "hau")
MORE_SECONDS: Final = 60.0


async def until_rounds(devices: list[Device], rounds: int) -> None:
    for device in devices:
        await device.until(lambda seen: seen.rounds >= rounds, MORE_SECONDS)


async def stop(serving: Serving, devices: list[Device]) -> None:
    assert await serving.end(signal.SIGTERM) == 0
    for device in devices:
        await device.until(lambda seen: seen.link == "reconnecting", MORE_SECONDS)


def most_rounds(devices: list[Device]) -> int:
    return max(device.client.snapshot.rounds for device in devices)


def stored(folder: Path) -> set[tuple[str, int]]:
    found = rows(folder, "SELECT client, sequence FROM updates")
    assert len(found) == len(set(found))
    return set(found)


def test_devices_go_on_with_a_coordinator_that_was_restored_from_an_older_backup(tmp_path: Path) -> None:
    """What it acknowledges from then on is in its books, once."""
    data, backup, port = tmp_path / "data", tmp_path / "backup", free_port()
    plan = str(plan_file(tmp_path, tiny_plan(buffer=2)))

    async def command(*arguments: str) -> None:
        result = await asyncio.to_thread(run, tmp_path, "mfpt_coord", "db", *arguments, "--data-dir", str(data))
        assert result.returncode == 0, messages(result)

    async def scenario() -> None:
        async with contextlib.AsyncExitStack() as stack:
            async with serve(tmp_path, data, "--plan", plan, port=port) as serving:
                devices = [
                    Device(tmp_path / language, language, serving.address, StubTrainer(step=0.1))
                    for language in LANGUAGES
                ]
                await stack.enter_async_context(running(*devices))
                await until_rounds(devices, ROUNDS)
                await command("backup", str(backup))
                await until_rounds(devices, most_rounds(devices) + ROUNDS)
                await stop(serving, devices)
            before = [device.client.snapshot.rounds for device in devices]
            lost = stored(data)
            await command("restore", str(backup), "--force")
            restored = stored(data)
            assert restored < lost
            async with serve(tmp_path, data, port=port) as serving:
                await until_rounds(devices, most_rounds(devices) + ROUNDS)
                await stop(serving, devices)
            for device, rounds in zip(devices, before, strict=True):
                client, waiting = device.identity.client, set(device.folder.outbox().sequences())
                gained = {sequence for one, sequence in stored(data) - restored if one == client}
                # What is in its outbox was stored, but the device has not heard that.
                assert len(gained - waiting) == device.client.snapshot.rounds - rounds

    asyncio.run(asyncio.wait_for(scenario(), 170))

    folded = [tuple(one) for (updates,) in rows(data, "SELECT updates FROM folds") for one in json.loads(updates)]
    assert len(folded) == len(set(folded)), "no update is in two versions"


def test_a_backup_is_made_and_checked_while_a_coordinator_serves(tmp_path: Path) -> None:
    data, backup = tmp_path / "data", str(tmp_path / "backup")

    async def scenario() -> None:
        plan = str(plan_file(tmp_path, tiny_plan()))
        async with serve(tmp_path, data, "--plan", plan):
            for command in (("backup", backup), ("check",), ("check", backup)):
                options = ("--data-dir", str(data), "--json")
                result = await asyncio.to_thread(run, tmp_path, "mfpt_coord", "db", *command, *options)
                assert result.returncode == 0, messages(result)
                assert json.loads(result.stdout)["federation"] == "test"
            for refused in (("restore", backup, "--force"), ("compact",)):
                result = await asyncio.to_thread(run, tmp_path, "mfpt_coord", "db", *refused, "--data-dir", str(data))
                assert result.returncode == 6
                (line,) = messages(result)
                assert "stop it first" in line

    asyncio.run(asyncio.wait_for(scenario(), 90))
