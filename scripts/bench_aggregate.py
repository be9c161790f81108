"""What a fold costs: updates of 20 x 768 float32 values, their weights given, become the next prompts.

    updates/s      updates of a fold over the seconds that it takes: `combine`, then `apply`
    bandwidth      bytes a second that a fold has to move (deltas and prompts read, prompts written), as a share of what
                   copying a large array moves on this machine; a fold for one target can exceed 100 %, because it
                   hardly writes, and writing costs a processor more than reading
    x bare matmul  seconds of a fold over those of `np.matmul` with the same shapes into an existing array; for one
                   target the bare product is all that a fold does, and `bandwidth` says more

Every repetition folds different deltas, more of them in turn than caches hold, because in practice most of a large fold
is in no cache either. Folds and bare products take turns, so that both meet the same load; the best repetition of each
counts.
"""

import json
import os
import time
from collections.abc import Callable, Sequence
from typing import TypedDict

import numpy as np
from rich.table import Table

import command_line
from machine import machine
from mfpt_coord.core.combine import combine
from mfpt_coord.core.optimiser import apply, moment_count
from mfpt_shared.plan import Aggregation, checked
from mfpt_shared.tensors import Array
from mfpt_shared.terminal import PlainConsole

VALUES = 20 * 768
UPDATES = (10, 100, 1000)
TARGETS = (1, 16, 205)
CELL_SECONDS = 2.0  # for each size of fold
COPY_SECONDS = 1.0
# Larger than the last-level cache of most machines.
UNCACHED_BYTES = 192 * 2**20


class Fold(TypedDict):
    updates: int
    targets: int
    updates_per_s: int
    bandwidth_share: float
    matmul_ratio: float | None


class Result(TypedDict):
    combine: str
    folds: list[Fold]
    copy_gb_per_s: float
    machine: str


def best_seconds(runs: list[Callable[[int], object]], budget: float) -> list[float]:
    """Run each in turn, with the number of the turn, until the budget (seconds) is spent; return each one's least."""
    least = [float("inf")] * len(runs)
    began, turn = time.perf_counter(), 0
    while turn == 0 or time.perf_counter() - began < budget:
        for place, run in enumerate(runs):
            start = time.perf_counter()
            run(turn)
            least[place] = min(least[place], time.perf_counter() - start)
        turn += 1
    return least


def copy_bytes_per_second() -> float:
    """Return what a copy of a large array moves, bytes read and bytes written."""
    source = np.ones(UNCACHED_BYTES // 4, np.float32)
    copied = np.empty_like(source)
    (seconds,) = best_seconds([lambda _: np.copyto(copied, source)], COPY_SECONDS)
    return 2 * source.nbytes / seconds


def fold(pool: Array, updates: int, targets: int, plan: Aggregation, copied: float, budget: float) -> Fold:
    """Measure one size of fold.

    Args:
        pool: [updates, values] float32, more than a cache holds.
        updates: Updates of a fold.
        targets: Languages that it makes prompts for.
        plan: How to combine.
        copied: Bytes that a copy moves per second.
        budget: Seconds to measure for.
    """
    rng = np.random.default_rng(0)
    weights = rng.random((targets, updates))
    weights /= weights.sum(axis=1, keepdims=True)
    prompts = rng.standard_normal((targets, VALUES), np.float32)
    moments = np.zeros((targets, moment_count(plan), VALUES), np.float32)
    ready, product = weights.astype(np.float32), np.empty_like(prompts)

    folds = len(pool) // updates

    def deltas(turn: int) -> Array:
        start = turn % folds * updates
        return pool[start : start + updates]

    # Half of the pool lies between what the two read in the same turn.
    seconds, bare = best_seconds(
        [
            lambda turn: apply(prompts, combine(weights, deltas(turn), plan), moments, plan),
            lambda turn: np.matmul(ready, deltas(turn + folds // 2), out=product),
        ],
        budget,
    )
    moved = updates * VALUES * pool.itemsize + 2 * prompts.nbytes
    return {
        "updates": updates,
        "targets": targets,
        "updates_per_s": round(updates / seconds),
        "bandwidth_share": round(moved / seconds / copied, 3),
        "matmul_ratio": round(seconds / bare, 2) if targets > 1 else None,
    }


def measure(plan: Aggregation, updates: Sequence[int], targets: Sequence[int], budget: float) -> Result:
    copied = copy_bytes_per_second()
    rows = max(4 * max(updates), UNCACHED_BYTES // (4 * VALUES))
    threads = os.environ.get("OPENBLAS_NUM_THREADS", "all")
    pool = np.random.default_rng(1).standard_normal((rows, VALUES), np.float32)
    return {
        "combine": plan.combine,
        "folds": [fold(pool, size, number, plan, copied, budget) for number in targets for size in updates],
        "copy_gb_per_s": round(copied / 1e9, 1),
        "machine": f"{machine()}, BLAS threads: {threads}, NumPy {np.__version__}",
    }


def show(result: Result) -> None:
    table = Table(
        "targets", "updates", "updates/s", "bandwidth", "x bare matmul", title=f"combine: {result['combine']}"
    )
    for column in table.columns:
        column.justify = "right"
    for row in result["folds"]:
        ratio = "" if row["matmul_ratio"] is None else f"{row['matmul_ratio']:.2f}"
        share = f"{row['bandwidth_share']:.1%}"
        table.add_row(str(row["targets"]), str(row["updates"]), f"{row['updates_per_s']:,}", share, ratio)
    console = PlainConsole()
    console.print(table)
    console.print(f"a copy moves {result['copy_gb_per_s']} GB/s; {result['machine']}", highlight=False, soft_wrap=True)


def listed(values: Sequence[int]) -> str:
    return ",".join(map(str, values))


def main() -> None:
    parser = command_line.parser("bench_aggregate", __doc__, "--updates 100 --targets 1,205")
    choices = ("mean", "clip", "trimmed-mean", "median")
    parser.add_argument("--combine", choices=choices, default="mean", help="how deltas are combined (default mean)")
    parser.add_argument(
        "--updates",
        type=command_line.whole_numbers(),
        default=UPDATES,
        help=f"updates of a fold (default {listed(UPDATES)})",
    )
    parser.add_argument(
        "--targets",
        type=command_line.whole_numbers(),
        default=TARGETS,
        help=f"languages of a fold (default {listed(TARGETS)})",
    )
    parser.add_argument(
        "--seconds", type=float, default=CELL_SECONDS, help=f"for each size of fold (default {CELL_SECONDS:g})"
    )
    parser.add_argument("--json", action="store_true", help="print JSON alone")
    arguments = parser.parse_args()
    plan = checked(Aggregation(combine=arguments.combine))
    result = measure(plan, arguments.updates, arguments.targets, arguments.seconds)
    if arguments.json:
        print(json.dumps(result))
    else:
        show(result)


if __name__ == "__main__":
    main()
