"""Runs stub devices under random faults, and tells whether anything acknowledged was lost or folded twice.

The coordinator is `mfpt-coord serve` with its embedded broker, open to all; the devices are the product's own but for
their trainers, in processes of five. Broker, coordinator and devices are killed; the broker is stopped for seconds;
connections are cut or fall silent; messages are duplicated, delayed and reordered; devices go on from older copies of
their folders; the coordinator's clock is set. What is stored and folded is read from the database, and compared with
what the devices were told.

Exit code 1: something was lost or folded twice, nothing was acknowledged at all, or a backup or a fault did not work.
"""

import argparse
import asyncio
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

import command_line
from mfpt_coord import plots
from mfpt_shared.errors import MfptError
from mfpt_shared.terminal import PlainConsole
from soaking.figure import draw
from soaking.result import Soak, tables
from soaking.soak import Pace, Say, soak

_MOST_SAMPLE_SECONDS: Final = 15.0
_MOST_WARM_UP_SECONDS: Final = 60.0
_SAMPLES: Final = 40
_WARM_UP_SHARE: Final = 0.25


def main() -> int:
    arguments = _arguments()
    try:
        if arguments.figure is not None:
            plots.check(arguments.figure)
        with command_line.folder_for("soak", arguments.folder) as folder, _telling() as say:
            found = asyncio.run(soak(folder, arguments.devices, arguments.seed, _pace(arguments), say))
        if arguments.figure is not None:
            draw(found.series, arguments.figure)
    except MfptError as error:
        print(f"soak: {error}", file=sys.stderr)
        return error.exit_code
    _show(found, is_json=arguments.json)
    return 0 if found.is_sound else 1


def _pace(arguments: argparse.Namespace) -> Pace:
    seconds = 60 * arguments.minutes
    return Pace(
        seconds,
        arguments.every,
        sample=min(_MOST_SAMPLE_SECONDS, max(1.0, seconds / _SAMPLES)),
        warm_up=min(_MOST_WARM_UP_SECONDS, _WARM_UP_SHARE * seconds),
    )


@contextmanager
def _telling() -> Iterator[Say]:
    """Give a function that shows how far it is: a line that changes, or plain lines where there is no terminal."""
    console = PlainConsole(stderr=True)
    if not console.is_terminal:
        yield lambda text: print(f"soak: {text}", file=sys.stderr)
        return
    with console.status("starting a coordinator") as status:
        yield status.update


def _show(found: Soak, *, is_json: bool) -> None:
    if is_json:
        print(msgspec.json.encode(found).decode())
        return
    console = PlainConsole()
    for table in tables(found):
        console.print(table)
    console.print(found.machine)


def _arguments() -> argparse.Namespace:
    parser = command_line.parser("soak", __doc__, "--minutes 20")
    parser.add_argument("--minutes", type=float, required=True, help="time in which faults happen")
    parser.add_argument("--devices", type=command_line.whole_number, default=50, help="number (default 50)")
    parser.add_argument("--seed", type=int, help="seed of the faults (default: a random one, which is printed)")
    parser.add_argument("--every", type=float, default=5.0, help="mean time between two faults, s (default 5)")
    parser.add_argument("--figure", type=Path, help="file for a figure (.png, .svg or .html); needs matplotlib")
    parser.add_argument("--folder", type=Path, help="new folder to run in and keep (default: one that is removed)")
    parser.add_argument("--json", action="store_true", help="print JSON, with all samples, instead of tables")
    arguments = parser.parse_args()
    if arguments.minutes <= 0 or arguments.every <= 0:
        parser.error("--minutes and --every must be above 0")
    if arguments.seed is None:
        arguments.seed = secrets.randbelow(1_000_000)
    command_line.resolve_paths(arguments, "figure", "folder")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
