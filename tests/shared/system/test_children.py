"""Programs that this one starts: they end in order, and never outlive it."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mfpt_shared.system.children import Guard, open_files, start
from mfpt_shared.system.processes import end_with, runs_with, tell_to_read_again
from support.programs import variables
from support.systems import IS_WINDOWS

SECONDS = 20.0
SLEEPER = "import sys, time; print('up', flush=True); time.sleep(600)"
PARENT = f"""
import asyncio, os, sys, time
from pathlib import Path
from mfpt_shared.system.children import start

async def begin():
    with open(sys.argv[1], "wb") as errors:
        child = await start(sys.executable, "-c", {SLEEPER!r}, sys.argv[1], errors=errors, environment=os.environ)
    while b"up" not in Path(sys.argv[1]).read_bytes():
        await asyncio.sleep(0.01)
    print(child.process.pid, flush=True)
    time.sleep(600)

asyncio.run(begin())
"""


def until_gone(pid: int, argument: str) -> None:
    give_up = time.monotonic() + SECONDS
    while runs_with(pid, argument):
        assert time.monotonic() < give_up, "it lives on"
        time.sleep(0.02)  # not our child, so nothing tells when it ends


def sleeper(mark: str) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen([sys.executable, "-c", SLEEPER, mark], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_a_child_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    mark = str(tmp_path / "errors")
    command = [sys.executable, "-c", PARENT, mark]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=variables(tmp_path)) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert runs_with(child, mark)
        parent.kill()
    until_gone(child, mark)


def test_a_child_is_ended_in_order_or_by_force(tmp_path: Path) -> None:
    async def scenario() -> int | None:
        with (tmp_path / "errors").open("wb") as errors:
            child = await start(sys.executable, "-c", SLEEPER, errors=errors, environment=os.environ)
        await child.end(patience=5.0)
        await child.end(patience=5.0)  # it has ended already
        return child.process.returncode

    assert asyncio.run(asyncio.wait_for(scenario(), SECONDS)) not in (None, 0)


def test_a_child_that_ends_at_once_is_no_error_of_its_start(tmp_path: Path) -> None:
    async def scenario() -> int | None:
        with (tmp_path / "errors").open("wb") as errors:
            child = await start(sys.executable, "-c", "raise SystemExit(3)", errors=errors, environment=os.environ)
        await child.process.wait()
        await child.end(patience=5.0)
        return child.process.returncode

    assert asyncio.run(asyncio.wait_for(scenario(), SECONDS)) == 3


@pytest.mark.skipif(IS_WINDOWS, reason="only systems with a shell have it")
def test_a_guard_ends_a_process_when_its_own_is_gone_unless_it_was_dismissed() -> None:
    begin = "import sys, time; from mfpt_shared.system.children import Guard; guard = Guard(int(sys.argv[1]))"
    with sleeper("guarded") as guarded, sleeper("spared") as spared:
        program = f"{begin}; print(flush=True); time.sleep(600)"
        with subprocess.Popen([sys.executable, "-c", program, str(guarded.pid)], stdout=subprocess.PIPE) as parent:
            assert parent.stdout is not None
            parent.stdout.readline()
            Guard(spared.pid).dismiss()
            parent.kill()
        assert guarded.wait(SECONDS) != 0
        assert spared.poll() is None
        spared.kill()


def test_a_process_is_known_by_an_argument_and_ended_by_it() -> None:
    with sleeper("mine") as process:
        assert not runs_with(process.pid, "another's")
        assert not asyncio.run(end_with(process.pid, "another's", 1.0))
        assert runs_with(process.pid, "mine")
        assert asyncio.run(end_with(process.pid, "mine", 5.0))
        assert not runs_with(process.pid, "mine"), "it has ended, though its parent has not asked how"
    assert not runs_with(process.pid, "mine")


def test_a_program_of_another_name_is_not_told_to_read_its_files_again() -> None:
    with sleeper("x") as process:
        with pytest.raises(OSError, match=r"mosquitto|Windows"):
            tell_to_read_again(process.pid, "mosquitto")
        assert process.poll() is None
        process.kill()


def test_a_child_may_open_some_files() -> None:
    assert open_files() > 100
