"""`mfpt-coord status` against a running coordinator."""

import asyncio
import json
import subprocess
import time
from pathlib import Path

import pytest

from mfpt_shared.transport.mqtt import MqttTransport
from support.brokers import free_port
from support.inbox import Inbox
from support.neighbour import FEDERATION, Neighbour, plan_file
from support.programs import messages, run, serve

pytestmark = pytest.mark.network


def test_status_as_json_has_what_a_monitor_needs(tmp_path: Path) -> None:
    async def scenario() -> dict[str, object]:
        async with (
            serve(tmp_path, tmp_path / "data", "--plan", str(plan_file(tmp_path))) as serving,
            Neighbour(serving.address, "abc") as device,
        ):
            await device.take_part()
            device.say(device.update(1))
            await device.until_told(b'"ack"')
            device.say(device.update(1))
            watcher = MqttTransport(serving.address, "watcher")
            await watcher.connect()
            inbox = Inbox(watcher)
            watcher.subscribe("mfpt/v1/test/coord/status")
            await inbox.until(lambda: any(b'"duplicate":1' in payload for _, payload in inbox.messages))
            await watcher.close()
            command = ("status", "--json", "--federation", FEDERATION, "--broker", str(serving.address))
            result = await asyncio.to_thread(run, tmp_path, "mfpt_coord", *command)
            assert result.returncode == 0, result.stderr
            assert result.stdout.count("\n") == 1, "JSON and nothing else"
            answer: dict[str, object] = json.loads(result.stdout)
            return answer

    began = time.time()
    status = asyncio.run(asyncio.wait_for(scenario(), 90))

    assert status["federation"] == FEDERATION
    assert isinstance(status["version"], int)
    assert status["folds"] == status["version"]
    assert status["updates"] == {"accepted": 1, "rejected": 0, "duplicate": 1, "stale": 0}
    assert isinstance(status["languages"], dict)
    assert list(status["languages"]) == ["swh"]
    assert isinstance(status["clients"], list)
    (client,) = status["clients"]
    assert (client["id"], client["language"]) == ("abc", "swh")
    assert client["phase"] in ("idle", "training"), "it is online, and may already have its next assignment"
    assert began - 1 <= client["last_seen"] <= time.time() + 1


def test_status_of_another_federation_than_the_brokers_ends_with_exit_code_5(tmp_path: Path) -> None:
    async def scenario() -> "subprocess.CompletedProcess[str]":
        async with serve(tmp_path, tmp_path / "data", "--plan", str(plan_file(tmp_path))) as serving:
            command = ("status", "--federation", "other", "--timeout", "0.5", "--broker", str(serving.address))
            return await asyncio.to_thread(run, tmp_path, "mfpt_coord", *command)

    result = asyncio.run(asyncio.wait_for(scenario(), 60))

    assert result.returncode == 5, result.stderr
    assert "mfpt/v1/other" in messages(result)[-1]
    assert "is that the federation's name?" in messages(result)[-1]


def test_status_without_a_broker_ends_with_exit_code_3(tmp_path: Path) -> None:
    result = run(tmp_path, "mfpt_coord", "status", "--broker", f"mqtt://127.0.0.1:{free_port()}")

    assert result.returncode == 3
    assert len(messages(result)) == 1


@pytest.mark.parametrize("other", ["--broker", "--federation"])
def test_a_place_that_would_not_be_looked_at_is_a_usage_error(other: str, tmp_path: Path) -> None:
    result = run(tmp_path, "mfpt_coord", "status", "--data-dir", str(tmp_path), other, "elsewhere")
    assert result.returncode == 2
    assert len(messages(result)) == 1
