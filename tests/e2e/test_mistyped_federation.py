"""`mfpt-edge join` with a federation's name that is not right, as people run it."""

import asyncio
import json
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from support.neighbour import plan_file
from support.programs import run, serve, variables

pytestmark = [pytest.mark.network, pytest.mark.slow]


async def line_with(process: Process, text: str) -> str:
    """Return the first line for people that has a text in it."""
    assert process.stderr is not None
    async for line in process.stderr:
        if text in line.decode():
            return line.decode()
    raise AssertionError(f"it ended without saying {text!r}")


def test_after_ten_seconds_a_line_says_what_is_missing_and_status_says_it_too(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serve(tmp_path, tmp_path / "data", "--plan", str(plan_file(tmp_path))) as serving:
            where = ("--lang", "sw", "--federation", "tset")
            command = ("-m", "mfpt_edge", "join", *where, "--broker", str(serving.address))
            joining = await asyncio.create_subprocess_exec(
                sys.executable, *command, stdin=subprocess.DEVNULL, stderr=PIPE, env=variables(tmp_path)
            )
            try:
                line = await line_with(joining, " since ")
                assert "mfpt/v1/tset/plan" in line
                assert "is tset the federation's name (--federation)?" in line
                status = await asyncio.to_thread(run, tmp_path, "mfpt_edge", "status", *where, "--json")
                facts = json.loads(status.stdout)
                assert facts["running"] is True
                assert "mfpt/v1/tset/plan" in facts["waiting_for"]
            finally:
                joining.terminate()
                await joining.wait()
            ended = await asyncio.to_thread(run, tmp_path, "mfpt_edge", "status", *where, "--json")
            assert json.loads(ended.stdout)["running"] is False

    asyncio.run(asyncio.wait_for(scenario(), 90))
