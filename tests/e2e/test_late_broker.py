"""`mfpt-coord serve --broker` when the broker is not there yet."""

import asyncio
import contextlib
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mfpt_shared.protocol.topics import COORDINATOR_STATE
from mfpt_shared.transport.mqtt import MqttTransport
from support.brokers import free_port
from support.inbox import Inbox
from support.nats import Nats, nats
from support.neighbour import plan_file
from support.programs import messages, run, variables

pytestmark = pytest.mark.network


@contextlib.asynccontextmanager
async def waiting(home: Path, address: str) -> AsyncIterator[Process]:
    """Run a coordinator from the moment it has found nobody at the address of its broker."""
    command = ("-m", "mfpt_coord", "serve", "--data-dir", str(home / "data"), "--broker", address)
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, "--plan", str(plan_file(home)), stderr=PIPE, env=variables(home)
    )
    try:
        assert process.stderr is not None
        first = await process.stderr.readline()
        assert f"cannot reach the broker at {address}: Connection refused; trying again" in first.decode()
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.slow
def test_a_coordinator_waits_for_its_broker_and_serves_when_that_is_there(tmp_path: Path) -> None:
    async def scenario() -> bytes:
        port = free_port()
        async with waiting(tmp_path, f"mqtt://127.0.0.1:{port}") as process, nats(tmp_path, Nats(), tcp=port) as broker:
            watcher = MqttTransport(broker.tcp, "watcher")
            await watcher.connect()
            inbox = Inbox(watcher)
            watcher.subscribe(COORDINATOR_STATE.path("test"))
            await inbox.until(lambda: any(b'"online"' in payload for _, payload in inbox.messages))
            await watcher.close()
            process.terminate()
            _, said = await process.communicate()
            assert process.returncode == 0
            return said

    said = asyncio.run(asyncio.wait_for(scenario(), 60))

    assert b"trying again" not in said
    assert b"the broker is there" in said


@pytest.mark.slow
def test_an_operator_is_told_that_the_coordinator_waits_for_its_broker(tmp_path: Path) -> None:
    async def scenario() -> "subprocess.CompletedProcess[str]":
        async with waiting(tmp_path, f"mqtt://127.0.0.1:{free_port()}"):
            return await asyncio.to_thread(run, tmp_path, "mfpt_coord", "invite", "--data-dir", str(tmp_path / "data"))

    result = asyncio.run(asyncio.wait_for(scenario(), 60))

    assert result.returncode == 3, result.stderr
    assert "still waits for its broker" in messages(result)[-1]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 0), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)]
)
def test_a_signal_ends_a_coordinator_that_waits_for_its_broker(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    async def scenario() -> int:
        async with waiting(tmp_path, f"mqtt://127.0.0.1:{free_port()}") as process:
            process.send_signal(number)
            return await process.wait()

    assert asyncio.run(asyncio.wait_for(scenario(), 60)) == code


@pytest.mark.slow
def test_a_coordinator_gives_up_after_the_given_attempts_with_exit_code_3(tmp_path: Path) -> None:
    address = f"mqtt://127.0.0.1:{free_port()}"

    result = run(
        tmp_path, "mfpt_coord", "serve", "--data-dir", str(tmp_path / "data"), "--broker", address, "--retry", "2"
    )

    assert result.returncode == 3, result.stderr
    assert f"{address}: Connection refused (2 attempts)" in messages(result)[-1]
    assert "--retry forever" in messages(result)[-1]


@pytest.mark.slow
def test_a_coordinator_that_its_broker_refuses_does_not_try_again(tmp_path: Path) -> None:
    users = 'authorization { users: [ { user: "coord", password: "right" } ] }'

    async def scenario() -> list[str]:
        async with nats(tmp_path, Nats(users=users)) as running:
            address = f"mqtt://coord@127.0.0.1:{running.tcp.port}"
            command = ("mfpt_coord", "serve", "--data-dir", str(tmp_path / "data"), "--broker", address)
            result = await asyncio.to_thread(run, tmp_path, *command, extra={"MFPT_BROKER_PASSWORD": "wrong"})
            assert result.returncode == 5, result.stderr
            return messages(result)

    said = asyncio.run(asyncio.wait_for(scenario(), 60))

    assert "refused the credentials" in said[-1]
    assert not any("trying again" in line for line in said)
