"""What events cost a coordinator's core, by how many devices it knows and how many languages they speak.

    ready       a device says that it can train, and who is next is assigned
    update      an update is accepted, and who is next is assigned
    fold        the update that fills the buffer: a version of every language's prompt
    groups      what a fold looks at: numbers of examples that devices of a language have, newcomers apart
    status      the summary for people, as bytes
    turn        the loop looks what is due, and until when it may sleep, while nothing is heard
    published   bytes of the prompts that follow a fold
    memory      the most that the process has had, with everything in it
    start       from the database to the first look

All devices are online and ready and have 1 to 500 examples, one in ten is at work, the buffer of 64 updates is half
full. The first table has 200 languages, or as many as devices where these are fewer; the second one has 10,000 devices.
Nothing is sent, and nothing committed. Events are medians of processor time, the start is a time by the clock.
"""

import argparse
import json
import platform
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Final, TypedDict

import command_line
from machine import machine
from mfpt_shared.errors import MfptError
from scale_bench.costs import Costs, measure
from scale_bench.federation import Size, store_federation

_DEVICES: Final = (100, 1_000, 10_000, 100_000)
_LANGUAGES: Final = (10, 200, 2_000)
_USUAL: Final = Size(10_000, 200)


class Result(TypedDict):
    """What `--json` prints."""

    devices: dict[str, Costs]
    languages: dict[str, Costs]
    machine: str


def main() -> int:
    arguments = _arguments()
    usual = Size(arguments.among, _USUAL.languages)
    try:
        result: Result = {
            "devices": {str(number): _costs(Size(number, usual.languages)) for number in arguments.devices},
            "languages": {str(number): _costs(Size(usual.devices, number)) for number in arguments.languages},
            "machine": f"{machine()}, Python {platform.python_version()}",
        }
    except MfptError as error:
        print(f"bench_scale: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    print(json.dumps(result)) if arguments.json else _show(result)
    return 0


def _arguments() -> argparse.Namespace:
    parser = command_line.parser("bench_scale", __doc__, "--devices 100,10000 --json")
    sizes = command_line.whole_numbers()
    parser.add_argument("--devices", type=sizes, default=_DEVICES, help=f"devices (default {_listed(_DEVICES)})")
    parser.add_argument(
        "--languages", type=sizes, default=_LANGUAGES, help=f"languages (default {_listed(_LANGUAGES)})"
    )
    parser.add_argument(
        "--among",
        type=command_line.whole_number,
        default=_USUAL.devices,
        help=f"devices that speak these languages (default {_USUAL.devices})",
    )
    parser.add_argument("--json", action="store_true", help="print JSON alone")
    return parser.parse_args()


def _listed(values: Sequence[int]) -> str:
    return ",".join(map(str, values))


def _costs(size: Size) -> Costs:
    """Measure one size, in a process that has done nothing else."""
    with tempfile.TemporaryDirectory(prefix="mfpt-bench-") as folder:
        file = Path(folder) / "state.db"
        with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as fresh:
            fresh.submit(store_federation, size, file).result()
            return fresh.submit(measure, size, file).result()


def _show(result: Result) -> None:
    for what in ("devices", "languages"):
        print(f"{what:>9}   ready  update     fold  groups  status    turn  published   memory    start")
        for number, cost in result[what].items():
            events = (
                f"{cost['ready_us']:>8.0f}{cost['update_us']:>8.0f}{cost['fold_us']:>9.0f}{cost['fold_groups']:>8,}"
            )
            more = f"{cost['status_us']:>8.0f}{cost['turn_us']:>8.0f}"
            sizes = f"{cost['publish_bytes'] / 1e6:>8.1f} MB{cost['memory_bytes'] / 1e6:>6.0f} MB"
            print(f"{int(number):>9,}{events}{more}{sizes}{cost['start_s']:>7.2f} s")
    print(f"events in microseconds; {result['machine']}")


if __name__ == "__main__":
    sys.exit(main())
