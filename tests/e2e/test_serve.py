"""`mfpt-coord serve` as a process: what it refuses, and how it ends."""

import asyncio
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from mfpt_shared.transport.mqtt import MqttTransport
from support.federation import tiny_plan
from support.inbox import Inbox
from support.neighbour import plan_file
from support.programs import messages, run, serve

pytestmark = pytest.mark.network


def test_a_second_coordinator_on_a_data_folder_is_refused_with_exit_code_6(tmp_path: Path) -> None:
    async def scenario() -> "subprocess.CompletedProcess[str]":
        data = tmp_path / "data"
        async with serve(tmp_path, data, "--plan", str(plan_file(tmp_path))):
            command = ("serve", "--data-dir", str(data), "--listen", "127.0.0.1:0")
            return await asyncio.to_thread(run, tmp_path, "mfpt_coord", *command)

    result = asyncio.run(asyncio.wait_for(scenario(), 90))

    assert result.returncode == 6, result.stderr
    assert "--data-dir" in messages(result)[-1]


def test_a_port_in_use_ends_with_exit_code_3_and_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"

        result = run(tmp_path, "mfpt_coord", "serve", "--data-dir", str(tmp_path / "data"), "--listen", listen)

    assert result.returncode == 3, result.stderr
    assert listen in messages(result)[-1]
    assert "--listen" in messages(result)[-1]


def test_another_plan_for_a_data_folder_is_refused_with_exit_code_6(tmp_path: Path) -> None:
    async def scenario() -> "subprocess.CompletedProcess[str]":
        data = tmp_path / "data"
        async with serve(tmp_path, data, "--plan", str(plan_file(tmp_path))):
            pass
        other = plan_file(tmp_path, tiny_plan(buffer=7))
        command = ("serve", "--data-dir", str(data), "--listen", "127.0.0.1:0", "--plan", str(other))
        return await asyncio.to_thread(run, tmp_path, "mfpt_coord", *command)

    result = asyncio.run(asyncio.wait_for(scenario(), 90))

    assert result.returncode == 6, result.stderr
    assert "aggregation" in messages(result)[-1]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_signal_ends_the_coordinator_and_its_broker(number: signal.Signals, code: int, tmp_path: Path) -> None:
    data = tmp_path / "data"

    async def scenario() -> tuple[int, int]:
        async with serve(tmp_path, data, "--plan", str(plan_file(tmp_path))) as serving:
            broker = int((data / "broker" / "nats.pid").read_text(encoding="ascii"))
            return await serving.end(number), broker

    ended, broker = asyncio.run(asyncio.wait_for(scenario(), 60))

    assert ended == code
    with pytest.raises(ProcessLookupError):
        os.kill(broker, 0)


def test_a_coordinator_that_ends_says_that_it_is_offline(tmp_path: Path) -> None:
    async def scenario() -> list[bytes]:
        data = tmp_path / "data"
        async with serve(tmp_path, data, "--plan", str(plan_file(tmp_path))) as serving:
            watcher = MqttTransport(serving.address, "watcher")
            await watcher.connect()
            inbox = Inbox(watcher)
            watcher.subscribe("mfpt/v1/test/coord/state")
            await inbox.until(lambda: any(b'"online"' in payload for _, payload in inbox.messages))
            ending = asyncio.create_task(serving.end(signal.SIGTERM))
            await inbox.until(lambda: any(b'"offline"' in payload for _, payload in inbox.messages))
            assert await ending == 0
            await watcher.close()
            return [payload for _, payload in inbox.messages]

    said = asyncio.run(asyncio.wait_for(scenario(), 60))

    assert b'"offline"' in said[-1]
