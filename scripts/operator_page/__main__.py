"""How late a coordinator's event loop is while nobody looks at its page, and while a browser does.

A made-up federation runs with the real coordinator, its broker and its page; fifty times a second a device at work says
how far it is. The browser is a process of its own, which listens to the page's events and asks for another of its parts
every second. Times are milliseconds by which the loop came too late for something that was due.
"""

import argparse
import asyncio
import json
import platform
import sys
import tempfile
from pathlib import Path
from typing import Final, TypedDict

import command_line
from machine import machine
from mfpt_coord.server.broker_config import Listen
from mfpt_shared.system.memory import resident_bytes
from operator_page.made_up import Size
from operator_page.running import Running, running

_CHATS: Final = 50.0
_SETTLING_SECONDS: Final = 10.0


class Late(TypedDict):
    """How late a loop was, milliseconds."""

    median: float
    p99: float
    longest: float


class Result(TypedDict):
    """What is printed."""

    alone: Late
    watched: Late
    memory_alone_mb: float
    memory_watched_mb: float
    machine: str


def main() -> int:
    arguments = _arguments()
    size = Size(arguments.languages, arguments.devices, arguments.versions)
    print(json.dumps(asyncio.run(_measured(size, arguments.seconds))))
    return 0


def _arguments() -> argparse.Namespace:
    parser = command_line.parser("bench_page", __doc__, "--devices 5000 --seconds 60")
    whole = command_line.whole_number
    parser.add_argument("--devices", type=whole, default=5000, help="devices (default 5000)")
    parser.add_argument("--languages", type=whole, default=200, help="languages (default 200)")
    parser.add_argument("--versions", type=whole, default=40, help="versions made so far (default 40)")
    parser.add_argument("--seconds", type=whole, default=60, help="seconds of each measurement (default 60)")
    return parser.parse_args()


async def _measured(size: Size, seconds: float) -> Result:
    with tempfile.TemporaryDirectory(prefix="mfpt-page-") as folder:
        async with running(Path(folder), size, Listen("127.0.0.1", 0)) as federation:
            chatting = asyncio.create_task(federation.chat(_CHATS))
            await asyncio.sleep(_SETTLING_SECONDS)
            alone, memory = await _late(federation, seconds), _memory()
            command = (sys.executable, "-m", "operator_page.visitor", await federation.links(), str(seconds))
            visitor = await asyncio.create_subprocess_exec(*command)
            watched = await _late(federation, seconds)
            await visitor.wait()
            chatting.cancel()
            return {
                "alone": alone,
                "watched": watched,
                "memory_alone_mb": memory,
                "memory_watched_mb": _memory(),
                "machine": f"{machine()}, Python {platform.python_version()}",
            }


async def _late(federation: Running, seconds: float) -> Late:
    federation.lateness.taken()
    await asyncio.sleep(seconds)
    seen = federation.lateness.taken()
    return {
        "median": _milliseconds(seen[len(seen) // 2]),
        "p99": _milliseconds(seen[len(seen) * 99 // 100]),
        "longest": _milliseconds(seen[-1]),
    }


def _milliseconds(seconds: float) -> float:
    return round(1000 * seconds, 2)


def _memory() -> float:
    return round(resident_bytes() / 1e6, 1)


if __name__ == "__main__":
    sys.exit(main())
