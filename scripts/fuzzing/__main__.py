"""Feeds damaged inputs to everything that reads bytes from a network or a file.

Every reader gets its share of the inputs: valid ones, damaged at random. It may read them, or refuse them with one of
the errors that it declares. Anything else is a finding: it is printed with the input, and the exit code is 1.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from multiprocessing import Pool
from pathlib import Path

from rich.progress import Progress
from rich.table import Table

import command_line
from fuzzing import files, logins, members, network
from fuzzing.mutate import mutated
from fuzzing.target import Target
from machine import cores, machine
from mfpt_shared.terminal import PlainConsole

BATCH = 2000
"""Inputs between two reports of a process."""
SHOWN_BYTES = 200


@dataclass(frozen=True)
class Finding:
    """An input that a reader neither read nor refused."""

    target: str
    error: str
    input: str


@dataclass(frozen=True)
class Batch:
    """A number of inputs for one reader, drawn from one seed."""

    target: str
    inputs: int
    seed: int


@dataclass(frozen=True)
class Outcome:
    """What came of a batch."""

    target: str
    inputs: int
    refused: int
    findings: list[Finding]


def all_targets(place: Path) -> dict[str, Target]:
    """Return every reader, by name; `place` is an empty folder for those that want a file."""
    return {
        target.name: target
        for target in (*network.targets(), *logins.targets(), *members.targets(place), *files.targets(place))
    }


def run(batch: Batch) -> Outcome:
    """Feed a batch to its reader; runs in a process of the pool."""
    chance = random.Random(batch.seed)
    refused, findings = 0, []
    with tempfile.TemporaryDirectory(prefix="mfpt-fuzz-") as folder:
        target = all_targets(Path(folder))[batch.target]
        for _ in range(batch.inputs):
            data = mutated(chance, chance.choice(target.seeds), target.seeds)
            try:
                target.read(data)
            except target.declared:
                refused += 1
            except Exception as error:  # noqa: BLE001 - what is not declared is what is looked for
                findings.append(Finding(batch.target, f"{type(error).__name__}: {error}"[:SHOWN_BYTES], data.hex()))
    return Outcome(batch.target, batch.inputs, refused, findings)


def main() -> int:
    """Fuzz, and print what was found."""
    with tempfile.TemporaryDirectory(prefix="mfpt-fuzz-") as folder:
        names = list(all_targets(Path(folder)))
    arguments = _arguments(names)
    chosen = arguments.target or names
    share = -(-arguments.inputs // len(chosen))
    batches = [
        Batch(name, min(BATCH, share - first), random.Random(f"{arguments.seed} {name} {first}").getrandbits(64))
        for first in range(0, share, BATCH)
        for name in chosen
    ]
    began = time.monotonic()
    outcomes = _outcomes(batches, arguments.processes)
    findings = [finding for outcome in outcomes for finding in outcome.findings]
    totals = {
        name: {
            "inputs": sum(outcome.inputs for outcome in outcomes if outcome.target == name),
            "refused": sum(outcome.refused for outcome in outcomes if outcome.target == name),
            "findings": sum(len(outcome.findings) for outcome in outcomes if outcome.target == name),
        }
        for name in chosen
    }
    result = {
        "inputs": sum(outcome.inputs for outcome in outcomes),
        "seed": arguments.seed,
        "targets": totals,
        "findings": [asdict(finding) for finding in findings[:100]],
        "seconds": round(time.monotonic() - began, 1),
        "machine": machine(),
    }
    if arguments.json:
        print(json.dumps(result))
    else:
        _show(result)
    return 1 if findings else 0


def _outcomes(batches: list[Batch], processes: int) -> list[Outcome]:
    outcomes = []
    with (
        Progress(console=PlainConsole(stderr=True), disable=not sys.stderr.isatty()) as progress,
        Pool(processes) as pool,
    ):
        bar = progress.add_task("fuzzing", total=len(batches))
        for outcome in pool.imap_unordered(run, batches):
            outcomes.append(outcome)
            progress.advance(bar)
    return outcomes


def _arguments(names: list[str]) -> argparse.Namespace:
    parser = command_line.parser("fuzz", __doc__, "--inputs 1000000")
    parser.add_argument("--inputs", type=int, default=100_000, metavar="N", help="inputs, shared out between readers")
    parser.add_argument("--seed", type=int, default=0, help="seed of the damage; the same seed gives the same inputs")
    parser.add_argument("--target", action="append", choices=names, help="only this reader; may be repeated")
    parser.add_argument("--processes", type=int, default=cores(), metavar="N", help="processes to use")
    parser.add_argument("--json", action="store_true", help="print JSON alone")
    return parser.parse_args()


def _show(result: dict[str, object]) -> None:
    table = Table("reader", "inputs", "refused", "findings")
    totals = result["targets"]
    assert isinstance(totals, dict)
    for name, counts in totals.items():
        table.add_row(name, *(f"{counts[column]:,}" for column in ("inputs", "refused", "findings")))
    console = PlainConsole()
    console.print(table)
    console.print(f"{result['inputs']:,} inputs in {result['seconds']} s on {result['machine']}", markup=False)
    findings = result["findings"]
    assert isinstance(findings, list)
    kinds = {(finding["target"], finding["error"].partition(":")[0]): finding for finding in findings}
    for finding in kinds.values():
        console.print(f"{finding['target']}: {finding['error']}\n  {finding['input'][:SHOWN_BYTES]}", markup=False)


if __name__ == "__main__":
    sys.exit(main())
