"""What `mfpt-coord status` says of a coordinator that has ended, was killed, or hangs."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mfpt_shared.errors import ConnectionFailed
from mfpt_shared.transport.address import PASSWORD_VARIABLE, BrokerAddress
from support.brokers import embedded
from support.federation import coordinating, tiny_plan
from support.inbox import SECONDS
from support.neighbour import FEDERATION, plan_file
from support.programs import Serving, messages, run, serve, variables

pytestmark = pytest.mark.network


def status(home: Path, address: BrokerAddress, *options: str) -> "subprocess.CompletedProcess[str]":
    return run(home, "mfpt_coord", "status", "--federation", FEDERATION, "--broker", str(address), *options)


def test_a_coordinator_that_has_ended_is_offline_with_exit_code_3(tmp_path: Path) -> None:
    async def scenario() -> "subprocess.CompletedProcess[str]":
        async with embedded(tmp_path / "broker") as broker:
            async with coordinating(tmp_path / "data", tiny_plan(), broker.address):
                pass
            return await asyncio.to_thread(status, tmp_path, broker.public_address, "--json")

    ended = asyncio.run(asyncio.wait_for(scenario(), 60))

    assert ended.returncode == 3
    found: dict[str, Any] = json.loads(ended.stdout)
    assert (found["health"], found["heard_seconds_ago"], found["version"]) == ("offline", None, 0)
    assert "coordinator of federation test is offline" in messages(ended)[-1]


@pytest.mark.slow  # it is silent only after three seconds
def test_a_coordinator_that_hangs_is_silent_with_exit_code_3(tmp_path: Path) -> None:
    async def scenario() -> "subprocess.CompletedProcess[str]":
        options = ("--plan", str(plan_file(tmp_path)), "--broker")
        async with embedded(tmp_path / "broker") as broker:
            logged_in = {PASSWORD_VARIABLE: broker.address.password or ""}
            async with serve(tmp_path, tmp_path / "data", *options, str(broker.address), extra=logged_in) as serving:
                while (await asyncio.to_thread(status, tmp_path, broker.public_address)).returncode != 0:
                    pass  # it listens before it is online
                serving.process.send_signal(signal.SIGSTOP)
                try:
                    return await asyncio.to_thread(status, tmp_path, broker.public_address, "--json")
                finally:
                    serving.process.send_signal(signal.SIGCONT)

    hanging = asyncio.run(asyncio.wait_for(scenario(), 90))

    assert hanging.returncode == 3, hanging.stderr
    assert json.loads(hanging.stdout)["health"] == "silent"
    assert "has not been heard for" in messages(hanging)[-1]


async def killed(serving: Serving) -> None:
    """Kill a coordinator; its broker ends with it."""
    serving.process.kill()
    await serving.process.wait()


@pytest.mark.slow  # it watches for several seconds
@pytest.mark.parametrize("place", ["broker", "data folder"])
def test_watching_into_a_file_shows_in_plain_lines_that_everything_was_killed(place: str, tmp_path: Path) -> None:
    file = tmp_path / "status.log"

    async def scenario() -> int:
        data = tmp_path / "data"
        async with serve(tmp_path, data, "--plan", str(plan_file(tmp_path))) as serving:
            at_broker = ("--federation", FEDERATION, "--broker", str(serving.address))
            options = at_broker if place == "broker" else ("--data-dir", str(data))
            with file.open("wb") as stream:
                watching = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "mfpt_coord", "status", "--watch", *options),
                    stdin=subprocess.DEVNULL, stdout=stream, env=variables(tmp_path) | {"FORCE_COLOR": "1"},
                )  # fmt: skip
            await until_written(file, " online; version 0")
            await killed(serving)
            await until_written(file, "nothing heard for")
            watching.terminate()
            return await asyncio.wait_for(watching.wait(), SECONDS)

    assert asyncio.run(asyncio.wait_for(scenario(), 90)) == 0
    assert all(line.isprintable() for line in file.read_text(encoding="utf-8").splitlines())


async def until_written(file: Path, text: str) -> None:
    async with asyncio.timeout(SECONDS):
        while text not in file.read_text(encoding="utf-8"):
            await asyncio.sleep(0.05)  # there is no event for a line that another process writes


@pytest.mark.parametrize(("place", "health"), [("--data-dir", "offline"), ("--broker", "silent")])
def test_a_program_reads_the_health_where_nothing_answers_at_all(place: str, health: str, tmp_path: Path) -> None:
    named = {"--data-dir": str(tmp_path), "--broker": "mqtt://127.0.0.1:1"}[place]
    result = run(tmp_path, "mfpt_coord", "status", "--json", place, named)
    assert json.loads(result.stdout) == {"health": health, "heard_seconds_ago": None}
    assert result.returncode == ConnectionFailed.exit_code
    assert len(messages(result)) == 1
