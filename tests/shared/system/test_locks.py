"""Locks on files: one process alone, or several that share, and none after the end of its process."""

import subprocess
import sys
from pathlib import Path

import pytest

from mfpt_shared.system.locks import lock
from support.programs import variables

HOLDER = """
import sys
from mfpt_shared.system.locks import lock
file = open(sys.argv[1], "rb")
lock(file.fileno())
print("locked", flush=True)
sys.stdin.read()
"""


def test_a_lock_is_one_processes_alone_until_that_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    command = [sys.executable, "-c", HOLDER, str(path)]
    holder = subprocess.Popen(command, env=variables(tmp_path), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with holder, path.open("rb") as file:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == b"locked"
        for shared in (True, False):
            with pytest.raises(BlockingIOError):
                lock(file.fileno(), shared=shared)
        holder.kill()
        holder.wait()
        lock(file.fileno())


def test_a_shared_lock_keeps_away_only_who_wants_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    with path.open("rb") as first, path.open("rb") as second, path.open("rb") as third:
        lock(first.fileno(), shared=True)
        lock(second.fileno(), shared=True)
        with pytest.raises(BlockingIOError):
            lock(third.fileno())


def test_a_file_that_is_locked_can_be_read_and_written(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_bytes(b"held")
    with path.open("rb") as file:
        lock(file.fileno())
        assert path.read_bytes() == b"held"
        path.write_bytes(b"")
