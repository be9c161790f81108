"""Looks at the memory of a process and its children, and at ports."""

import contextlib
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mfpt_shared.errors import TimedOut
from mfpt_shared.system.memory import resident_bytes

_MB: Final = 1e6
_PROC: Final = Path("/proc")  # Source: proc(5)


@dataclass
class Watch:
    """What the processes of a device hold, as far as they were looked at.

    Attributes:
        pid: Number of the process that listens.
        training: Most that it held while it had a child, bytes.
        waiting: What it held at the last look, bytes.
        engine: Most that its children held, bytes.
        together: Most that all held at once, bytes.
        has_rested: Whether it had a child, and has none any more.
    """

    pid: int
    training: int = 0
    waiting: int = 0
    engine: int = 0
    together: int = 0
    has_rested: bool = False

    def look(self) -> None:
        """Look once; at what is gone by then, there is nothing to see."""
        with contextlib.suppress(OSError):
            children = sum(map(_held, _children(self.pid)))
            self.waiting = _held(self.pid)
            self.together = max(self.together, self.waiting + children)
            self.has_rested = not children and self.engine > 0
            if children:
                self.engine = max(self.engine, children)
                self.training = max(self.training, self.waiting)

    def megabytes(self) -> dict[str, object]:
        """Return what was seen, in MB; None where there was nothing to see."""
        found = {
            "device_training": self.training,
            "device_waiting": self.waiting,
            "engine": self.engine,
            "together": self.together,
        }
        return {name: round(held / _MB, 1) if held else None for name, held in found.items()}


def _children(pid: int) -> list[int]:
    files = (_PROC / str(pid) / "task").glob("*/children")
    return [int(number) for file in files for number in file.read_text(encoding="ascii").split()]


def _held(pid: int) -> int:
    """Return the resident memory of a process; that of a process which is gone is 0."""
    try:
        text = (_PROC / str(pid) / "statm").read_text(encoding="ascii")
    except OSError:
        return 0
    return 0 if text.startswith("0 ") else resident_bytes(_PROC / str(pid) / "statm")


def free_port() -> int:
    """Return the number of a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(address: str, seconds: float) -> None:
    """Wait until somebody listens.

    Raises:
        TimedOut: Nobody does in time.
    """
    host, _, port = address.rpartition(":")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 1.0):
            return
        time.sleep(0.1)
    raise TimedOut(f"nobody listens on {address}")
