"""How much memory a device's processes hold, in a federation of one: a real coordinator, and `mfpt-edge join`.

    device_training   most that the process which listens held while another one trained
    device_waiting    what it held at last, without another one
    engine            most that the process which trains held
    together          most that both held at once
    round_seconds     median time from one update to the next

All sizes are resident memory in MB (10^6 bytes), looked at ten times a second. Where a device has one process alone,
that is `together`.
"""

import argparse
import contextlib
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import command_line
from device_bench.watch import Watch, free_port, wait_for_port
from machine import machine

_LOOK_SECONDS: Final = 0.1
_PROGRAM: Final = (sys.executable, "-m")


def main() -> int:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="mfpt-bench-") as folder, contextlib.ExitStack() as stack:
        base, address = Path(folder), f"127.0.0.1:{free_port()}"
        serve = ("mfpt_coord", "serve", "--data-dir", str(base / "coordinator"), "--listen", address)
        stack.enter_context(_running(serve, base / "serve.log"))
        wait_for_port(address, arguments.limit)
        join = ["mfpt_edge", "join", "--lang", arguments.language, "--broker", f"mqtt://{address}", "--log-format"]
        join += ["json", "--state-dir", str(base / "device"), "--rounds", str(arguments.rounds), *arguments.options]
        device = stack.enter_context(_running(join, base / "join.log"))
        watch = Watch(device.pid)
        until = time.monotonic() + arguments.limit
        while (rests := not watch.has_rested) and device.poll() is None and time.monotonic() < until:
            watch.look()
            time.sleep(_LOOK_SECONDS)
        moments = _updates(base / "join.log")
        if rests and len(moments) < arguments.rounds:
            print(f"bench_device: {len(moments)} of {arguments.rounds} rounds are done", file=sys.stderr)
            return 1
    between = [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(moments)]
    result = watch.megabytes() | {"round_seconds": round(statistics.median(between), 2) if between else None}
    result |= {"machine": machine()}
    if arguments.json:
        print(json.dumps(result))
    else:
        print("\n".join(f"{name:<16} {value}" for name, value in result.items()))
    return 0


def _arguments() -> argparse.Namespace:
    parser = command_line.parser("bench_device", __doc__, "--rounds 4 --json")
    parser.add_argument("--language", default="sw", help="language of the device (default sw)")
    parser.add_argument("--rounds", type=command_line.whole_number, default=4, help="rounds to make (default 4)")
    parser.add_argument("--limit", type=float, default=300.0, metavar="SECONDS", help="longest to watch (default 300)")
    parser.add_argument("--json", action="store_true", help="print JSON alone")
    parser.add_argument("options", nargs="*", help="options for `mfpt-edge join`, after --")
    return parser.parse_args()


@contextlib.contextmanager
def _running(command: Sequence[str], log: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """Run a program, with its log in a file, until the context ends."""
    with log.open("wb") as stream:
        process = subprocess.Popen((*_PROGRAM, *command), stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _updates(log: Path) -> list[datetime]:
    """Return when a device had made an update, from its log."""
    lines = (json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line.startswith("{"))
    return [datetime.fromisoformat(line["time"]) for line in lines if line.get("message", "").startswith("update ")]


if __name__ == "__main__":
    sys.exit(main())
