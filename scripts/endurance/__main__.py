"""Lets stub devices take part for a day of a clock that goes faster, and tells what has grown.

Coordinator, store and embedded broker are the real ones; the devices are the product's own but for their trainers. The
clocks of coordinator and devices go faster than the machine's, the broker's does not.

Exit code 1: an update was lost or folded twice, or nothing was folded.
"""

import argparse
import asyncio
import sys
from pathlib import Path

import msgspec
from rich import box
from rich.table import Table

import command_line
from endurance.day import Day, live
from mfpt_coord import plots
from mfpt_shared.errors import MfptError
from mfpt_shared.terminal import PlainConsole
from soaking.figure import draw
from stub_federation.limits import allow_files

_FILES_OF_A_DEVICE = 4


def main() -> int:
    arguments = _arguments()
    try:
        if arguments.figure is not None:
            plots.check(arguments.figure)
        allow_files(_FILES_OF_A_DEVICE * arguments.devices)
        with (
            command_line.folder_for("endure", arguments.folder) as folder,
            PlainConsole(stderr=True).status("starting a coordinator") as status,
        ):
            day = asyncio.run(
                live(folder, arguments.devices, arguments.hours, arguments.speed, arguments.folds, status.update)
            )
        if arguments.figure is not None:
            draw(day.series, arguments.figure)
    except MfptError as error:
        print(f"endure: {error}", file=sys.stderr)
        return error.exit_code
    if arguments.json:
        print(msgspec.json.encode(day).decode())
    else:
        PlainConsole().print(_table(day))
    return 0 if day.is_sound else 1


def _table(day: Day) -> Table:
    title = (
        f"{day.hours:g} hours at {day.speed:g} times the speed, {day.devices} devices: {day.folds} versions of "
        f"{day.acknowledged} acknowledged updates, {day.lost} lost, {day.twice} folded twice, {day.failed_logins} "
        f"failed logins, {sum(day.ended.values())} devices gave up. {day.machine}"
    )
    table = Table(title=title, title_justify="left", box=box.SIMPLE)
    table.add_column("after the warm-up")
    for column in ("first", "last", "most", "an hour"):
        table.add_column(column, justify="right")
    for name, trend in day.trends.items():
        growth = "" if trend.per_hour is None else f"{trend.per_hour:+.2f}"
        table.add_row(name, f"{trend.first:.1f}", f"{trend.last:.1f}", f"{trend.most:.1f}", growth)
    return table


def _arguments() -> argparse.Namespace:
    parser = command_line.parser("endure", __doc__, "--hours 24")
    parser.add_argument("--hours", type=float, default=24.0, help="hours of the fast clock (default 24)")
    parser.add_argument("--speed", type=float, default=30.0, help="how much faster it goes (default 30)")
    parser.add_argument("--devices", type=command_line.whole_number, default=200, help="number (default 200)")
    parser.add_argument(
        "--folds", type=command_line.whole_number, default=5500, help="versions to aim at (default 5500)"
    )
    parser.add_argument("--figure", type=Path, help="file for a figure (.png, .svg or .html); needs matplotlib")
    parser.add_argument("--folder", type=Path, help="new folder to run in and keep (default: one that is removed)")
    parser.add_argument("--json", action="store_true", help="print JSON, with all samples, instead of a table")
    arguments = parser.parse_args()
    if arguments.hours <= 0 or arguments.speed < 1:
        parser.error("--hours must be above 0, and --speed at least 1")
    command_line.resolve_paths(arguments, "figure", "folder")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
