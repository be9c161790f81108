"""Runs many experiments, several at a time in processes of their own, each with its own laboratory."""

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from importlib.metadata import entry_points
from multiprocessing.sharedctypes import SynchronizedArray
from pathlib import Path

from mfpt_coord.core.relations import Distances
from mfpt_coord.simulate.experiment import Experiment, OnProgress, Outcome, part
from mfpt_coord.simulate.run import run
from mfpt_shared.device.trainer import ColumnNames, Laboratory, OpenLaboratory
from mfpt_shared.errors import NotInstalled
from mfpt_shared.plan import Plan

OnOutcome = Callable[[int, Outcome], None]
"""Called with an experiment's place in the list, and its outcome."""

_GROUP = "mfpt.trainers"
_LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Bench:
    """Where experiments run.

    Attributes:
        data: `cldr`, or a folder with a folder or file for each language.
        distances: Distances between languages.
        cache: Folder for what takes long to compute.
        device: Processor: auto, cpu or cuda.
        jobs: Number of experiments at a time.
        threads: Number of threads of each experiment; None: all cores.
        columns: Columns of the files to read; None: the usual ones.
    """

    data: str
    distances: Distances
    cache: Path
    device: str = "auto"
    jobs: int = 1
    threads: int | None = None
    columns: ColumnNames | None = None


def open_laboratory(plan: Plan, bench: Bench) -> Laboratory:
    """Open the first laboratory that is installed.

    Raises:
        NotInstalled: There is none.
    """
    for entry in entry_points(group=_GROUP):
        opener: OpenLaboratory = entry.load()
        return opener(
            plan,
            bench.data,
            columns=bench.columns,
            cache=bench.cache,
            device=bench.device,
            threads=bench.threads,
        )
    raise NotInstalled("a simulation needs a trainer, and none is installed: pip install 'mfpt[edge]'")


def run_all(
    experiments: Sequence[Experiment],
    bench: Bench,
    on_progress: OnProgress = lambda _: None,
    on_outcome: OnOutcome = lambda *_: None,
) -> list[Outcome]:
    """Run experiments and return their outcomes, in order.

    Args:
        experiments: Experiments whose plans have the same backbone.
        bench: Where they run.
        on_progress: Called now and then with the share of all of them that is done.
        on_outcome: Called as soon as an experiment is done, whatever happens to the others.

    Raises:
        MfptError: The error of the first experiment that failed.
    """
    if bench.jobs == 1 or len(experiments) == 1:
        return _run_in_turn(experiments, bench, on_progress, on_outcome)
    # Forked children would inherit threads of numeric libraries in the middle of their work.
    context = multiprocessing.get_context("spawn")
    shares = context.Array("d", len(experiments))
    with ProcessPoolExecutor(
        min(bench.jobs, len(experiments)), context, initializer=_open, initargs=(experiments[0].plan, bench, shares)
    ) as pool:
        futures = [pool.submit(_run, place, one) for place, one in enumerate(experiments)]
        try:
            _watch(futures, shares, on_progress, on_outcome)
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise


def _run_in_turn(
    experiments: Sequence[Experiment], bench: Bench, on_progress: OnProgress, on_outcome: OnOutcome
) -> list[Outcome]:
    laboratory = open_laboratory(experiments[0].plan, bench)
    outcomes = []
    for place, one in enumerate(experiments):
        outcomes.append(run(one, laboratory, bench.distances, part(on_progress, place, len(experiments))))
        on_outcome(place, outcomes[-1])
    return outcomes


def _watch(
    futures: Sequence["Future[Outcome]"],
    shares: "SynchronizedArray[float]",
    on_progress: OnProgress,
    on_outcome: OnOutcome,
) -> None:
    """Wait until all are done or one has failed."""
    waiting = {future: place for place, future in enumerate(futures)}
    while waiting:
        done, _ = wait(waiting, _LOOK_SECONDS, FIRST_COMPLETED)
        on_progress(sum(shares[:]) / len(futures))
        failed = [future for future in done if future.exception() is not None]
        for future in done.difference(failed):
            on_outcome(waiting.pop(future), future.result())
        if failed:
            failed[0].result()


@dataclass(slots=True)
class _Worker:
    """What a worker process holds from its first experiment to its last.

    Attributes:
        shares: Share of each experiment that is done, seen by all processes.
        laboratory: Opened by the first experiment, not by the pool, so that whoever waits for it learns what went
            wrong.
    """

    plan: Plan
    bench: Bench
    shares: "SynchronizedArray[float]"
    laboratory: Laboratory | None = None

    def run(self, place: int, experiment: Experiment) -> Outcome:
        """Run the experiment at a place in the list."""
        if self.laboratory is None:
            self.laboratory = open_laboratory(self.plan, self.bench)

        def note(share: float) -> None:
            self.shares[place] = share

        outcome = run(experiment, self.laboratory, self.bench.distances, note)
        note(1.0)
        return outcome


# The worker of this process: the initialiser of a pool can hand something to its tasks only through a global.
_workers: list[_Worker] = []


def _open(plan: Plan, bench: Bench, shares: "SynchronizedArray[float]") -> None:
    # Ctrl-C reaches every process of a terminal, and the parent ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _workers.append(_Worker(plan, bench, shares))


def _run(place: int, experiment: Experiment) -> Outcome:
    (worker,) = _workers
    return worker.run(place, experiment)
