"""What masks cost: a fold whose updates are added up in cohorts, beside one whose updates travel in the open.

    device sends, receives   bytes of a device for its part in one fold, without the prompt that it trains from
    works                    processor time of a device, without training
    coordinator works        processor time of the coordinator, from offers or updates to the combined change
    fold takes               the same, and the slowest device in each step: what a fold takes where devices work side by
                             side and messages take no time; under masks, three rounds of messages come on top

All messages are made, signed, checked and read as in a federation, in one process and without a broker; nothing is
written to disk. Each size is measured once. Some devices fall silent after their key shares were delivered, which is
when it costs the coordinator most, and every sum is checked.
"""

import argparse
import json
import os
import platform
import sys

import command_line
from machine import machine
from masks_bench.costs import compare, table
from mfpt_shared.errors import MfptError, UsageError
from mfpt_shared.terminal import PlainConsole

FEWEST = 3
WARMING_UP = 10
MOST_SILENT = 1 / 3


def main() -> int:
    arguments = _arguments()
    try:
        _check(arguments)
        compare(WARMING_UP, 0.0)  # the first fold pays for imports and caches
        found = [compare(devices, arguments.silent) for devices in arguments.devices]
    except MfptError as error:
        print(f"bench_masks: {error}", file=sys.stderr)
        return error.exit_code
    threads = os.environ.get("OPENBLAS_NUM_THREADS", "all")
    machine_line = f"{machine()}, BLAS threads: {threads}, Python {platform.python_version()}"
    if arguments.json:
        print(json.dumps({"folds": found, "silent": arguments.silent, "machine": machine_line}))
    else:
        console = PlainConsole()
        console.print(table(found))
        console.print(machine_line, soft_wrap=True)
    return 0


def _arguments() -> argparse.Namespace:
    parser = command_line.parser("bench_masks", __doc__, "--devices 100 --silent 0.1")
    parser.add_argument(
        "--devices",
        type=command_line.whole_numbers(FEWEST),
        default=(10, 100, 1000),
        help="numbers of devices of a fold (default 10,100,1000)",
    )
    parser.add_argument(
        "--silent", type=float, default=0.1, help="share of devices that fall silent under masks (default 0.1)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON alone")
    return parser.parse_args()


def _check(arguments: argparse.Namespace) -> None:
    if not 0 <= arguments.silent < MOST_SILENT:
        raise UsageError(
            f"--silent {arguments.silent}: give 0 or more, and less than a third, so that sums can be made"
        )


if __name__ == "__main__":
    sys.exit(main())
