"""Every language of MasakhaNEWS, AfriSenti, MasakhaPOS and MasakhaNER as they are: read, looked at, and tuned on.

train, test   examples, after rows were skipped
skipped       rows, with the reason
findings      what `mfpt-edge data show` says beside counts
accuracy      on the test examples after one round of a device of its own: of texts, words, or F1 of entities
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
from rich import box
from rich.table import Table

import command_line
from data_tables.language import Line, line_of
from mfpt_coord.presets import preset_plan
from mfpt_edge.data.language_folders import find_language, languages_in
from mfpt_edge.tuning.objectives import backbone_for
from mfpt_shared.errors import MfptError, UsageError
from mfpt_shared.folders import cache_home
from mfpt_shared.terminal import PlainConsole

# Name of a data set's folder -> the preset of its plan.
SETS: Final = {
    "masakhanews": "masakhanews",
    "afrisenti": "afrisenti",
    "masakhapos": "masakhapos",
    "masakhaner2": "masakhaner",
}


def main() -> int:
    """Print the table."""
    arguments = _arguments()
    lines = []
    try:
        for line in _lines(arguments):
            print(f"{line.set} {line.language} …", file=sys.stderr, flush=True)
            lines.append(line)
    except MfptError as error:
        print(f"data_table: {error}", file=sys.stderr)
        return error.exit_code
    if arguments.json:
        print(msgspec.json.encode({"lines": lines}).decode())
    else:
        PlainConsole(width=160).print(_table(lines))
    return 0


def _arguments() -> argparse.Namespace:
    parser = command_line.parser("data_table", __doc__, "--data ../data --sets afrisenti --examples 200")
    parser.add_argument("--data", type=Path, required=True, help=f"folder that holds {', '.join(SETS)}")
    parser.add_argument("--sets", default=",".join(SETS), help="which of them, separated by commas (default all)")
    parser.add_argument(
        "--examples", type=command_line.whole_number, help="most examples to train and to test on (default all)"
    )
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args()


def _lines(arguments: argparse.Namespace) -> Iterator[Line]:
    """Give a line for each language; all share one backbone."""
    chosen = arguments.sets.split(",")
    if unknown := set(chosen) - SETS.keys():
        raise UsageError(f"--sets: there is no {', '.join(sorted(unknown))}; there are {', '.join(SETS)}")
    plans = {name: preset_plan(SETS[name]) for name in chosen}
    data = command_line.called_from() / arguments.data
    for name in chosen:
        if not (data / name).is_dir():
            raise UsageError(f"--data {data}: it holds no folder {name}")
    backbone = backbone_for(plans[chosen[0]], arguments.device, cache_home())
    for name, plan in plans.items():
        for language in languages_in(data / name, plan.task.kind):
            folder = find_language(data / name, language, plan.task.kind)
            yield line_of(name, folder, language, plan, backbone, arguments.examples)


def _table(lines: list[Line]) -> Table:
    table = Table("data set", "language", "train", "test", "skipped", "findings", "accuracy", box=box.SIMPLE)
    for line in lines:
        skipped = "\n".join(f"{count} x {reason}" for reason, count in line.skipped.items())
        findings = "\n".join(f"{finding.level}: {finding.text}" for finding in line.findings)
        accuracy = "-" if line.accuracy is None else f"{100 * line.accuracy:.1f} %"
        counts = (str(line.train), str(line.test))
        table.add_row(line.set, line.language, *counts, skipped or "-", line.error or findings or "-", accuracy)
    return table


if __name__ == "__main__":
    sys.exit(main())
