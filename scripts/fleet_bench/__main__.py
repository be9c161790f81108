"""Lets many stub devices take part on one embedded broker, kills it, and measures how fast they are back.

The devices are the product's own but for their trainers; their connections share a thread. A device is back when the
coordinator has heard it since.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final, get_args

import msgspec

import command_line
from fleet_bench.fleet import bench
from fleet_bench.result import Fleet, Killed, table
from machine import machine
from mfpt_shared.errors import MfptError
from mfpt_shared.terminal import PlainConsole
from stub_federation.limits import allow_files

_FILES_OF_A_DEVICE: Final = 4


def main() -> int:
    arguments = _arguments()
    try:
        allow_files(_FILES_OF_A_DEVICE * arguments.devices)
        with tempfile.TemporaryDirectory(prefix="mfpt-fleet-") as folder:
            fleet = _bench(Path(folder), arguments)
    except MfptError as error:
        print(f"fleet: {error}", file=sys.stderr)
        return error.exit_code
    fleet.machine = machine()
    if arguments.json:
        print(msgspec.json.encode(fleet).decode())
    else:
        PlainConsole().print(table(fleet))
    return 0 if fleet.is_complete else 1


def _bench(folder: Path, arguments: argparse.Namespace) -> Fleet:
    with PlainConsole(stderr=True).status("starting a coordinator") as status:
        return asyncio.run(bench(folder, arguments.devices, arguments.kill, arguments.limit, status.update))


def _arguments() -> argparse.Namespace:
    parser = command_line.parser("fleet", __doc__, "--devices 1000")
    parser.add_argument("--devices", type=command_line.whole_number, default=1000, help="number (default 1000)")
    parser.add_argument(
        "--kill",
        choices=get_args(Killed),
        default="broker",
        help="the coordinator's broker ends with it (default broker)",
    )
    parser.add_argument(
        "--limit", type=float, default=300.0, help="longest time for each of the three measurements, s (default 300)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
