"""Runs many experiments, several at a time in processes of their own, each with its own laboratory."""

import multiprocessing
import signal
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing.sharedctypes import SynchronizedArray

from mfpt_coord.simulate.bench import PROCESSES, Bench, open_laboratory
from mfpt_coord.simulate.cluster import run_on_cluster
from mfpt_coord.simulate.experiment import Experiment, OnProgress, Outcome, part
from mfpt_coord.simulate.run import run
from mfpt_coord.simulate.watching import OnOutcome, watch
from mfpt_shared.device.trainer import Laboratory
from mfpt_shared.plan import Plan


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
    if bench.engine != PROCESSES:
        return run_on_cluster(experiments, bench, on_progress, on_outcome)
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
            watch(futures, lambda _: on_progress(sum(shares[:]) / len(futures)), on_outcome)
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
