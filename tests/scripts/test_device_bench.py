"""What the benchmark of a device's processes sees."""

import os
import subprocess
import sys

import pytest

from device_bench.watch import Watch, free_port, wait_for_port
from mfpt_shared.errors import TimedOut

PARENT = """
import subprocess, sys
large = "block = bytearray(50_000_000); print(flush=True); input()"
child = subprocess.Popen([sys.executable, "-c", large], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
print(flush=True)
input()
child.communicate(b"\\n")
print(flush=True)
input()
"""


def test_it_tells_a_process_from_its_child_and_notices_when_that_has_ended() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        watch, rested = Watch(parent.pid), list[bool]()
        for _ in ("while the child is there", "when it has ended"):
            parent.stdout.readline()
            watch.look()
            rested.append(watch.has_rested)
            parent.stdin.write("\n")
            parent.stdin.flush()
    assert rested == [False, True]
    assert watch.engine > 50_000_000
    assert watch.together >= watch.engine + 5_000_000
    assert min(watch.training, watch.waiting) > 5_000_000


def test_what_was_never_seen_has_no_size() -> None:
    assert Watch(os.getpid()).megabytes()["engine"] is None


def test_a_port_on_which_nobody_listens_is_given_up() -> None:
    with pytest.raises(TimedOut, match="nobody listens"):
        wait_for_port(f"127.0.0.1:{free_port()}", 0.01)
