"""Runs many experiments, several at a time in processes of their own, each with its own laboratory."""

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from importlib.metadata import entry_points
from multiprocessing.sharedctypes import SynchronizedArray
from pathlib import Path

from mfpt_coord.core.relations import Distances
from mfpt_coord.simulate.experiment import Experiment, Outcome
from mfpt_coord.simulate.run import run
from mfpt_shared.device.trainer import Laboratory, OpenLaboratory
from mfpt_shared.errors import NotInstalled
from mfpt_shared.plan import Plan

_GROUP = "mfpt.trainers"
_LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Bench:
    """Where experiments run.

    Attributes:
        data: `cldr`, or a folder with a folder or file for each language.
        distances: between languages.
        cache: folder for what takes long to compute.
        device: auto, cpu or cuda.
        jobs: experiments at a time.
        threads: of each of them; None: all cores.
    """

    data: str
    distances: Distances
    cache: Path
    device: str = "auto"
    jobs: int = 1
    threads: int | None = None


def open_laboratory(plan: Plan, bench: Bench) -> Laboratory:
    """Open the first laboratory that is installed.

    Raises:
        NotInstalled: none is.
    """
    for entry in entry_points(group=_GROUP):
        opener: OpenLaboratory = entry.load()
        return opener(plan, bench.data, cache=bench.cache, device=bench.device, threads=bench.threads)
    raise NotInstalled("no trainer is installed, which a simulation needs: pip install 'mfpt[edge]'")


OnOutcome = Callable[[int, Outcome], None]
"""Called with an experiment's place in the order, and what came of it."""


def run_all(
    experiments: Sequence[Experiment],
    bench: Bench,
    on_progress: Callable[[float], None] = lambda _: None,
    on_outcome: OnOutcome = lambda *_: None,
) -> list[Outcome]:
    """Run experiments and return their outcomes, in order.

    Args:
        experiments: with plans for the same backbone.
        bench: where they run.
        on_progress: called now and then with the share of all that is done.
        on_outcome: called as soon as an experiment is done, whatever becomes of the others.

    Raises:
        MfptError: what went wrong in the first that failed.
    """
    if bench.jobs == 1 or len(experiments) == 1:
        return _run_in_turn(experiments, bench, on_progress, on_outcome)
    # Forked children would inherit threads of numeric libraries in the middle of their work.
    context = multiprocessing.get_context("spawn")
    shares = context.Array("d", len(experiments))
    with ProcessPoolExecutor(
        min(bench.jobs, len(experiments)), context, initializer=_open, initargs=(experiments[0].plan, bench, shares)
    ) as pool:
        futures = [pool.submit(_run, at, one) for at, one in enumerate(experiments)]
        try:
            _watch(futures, shares, on_progress, on_outcome)
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise


def _run_in_turn(
    experiments: Sequence[Experiment], bench: Bench, on_progress: Callable[[float], None], on_outcome: OnOutcome
) -> list[Outcome]:
    laboratory = open_laboratory(experiments[0].plan, bench)
    outcomes = []
    for at, one in enumerate(experiments):
        note = partial(_note_share, at, len(experiments), on_progress)
        outcomes.append(run(one, laboratory, bench.distances, note))
        on_outcome(at, outcomes[-1])
    return outcomes


def _note_share(at: int, experiments: int, on_progress: Callable[[float], None], share: float) -> None:
    on_progress((at + share) / experiments)


def _watch(
    futures: Sequence["Future[Outcome]"],
    shares: "SynchronizedArray[float]",
    on_progress: Callable[[float], None],
    on_outcome: OnOutcome,
) -> None:
    """Wait until all are done or one has failed."""
    waiting = {future: at for at, future in enumerate(futures)}
    while waiting:
        done, _ = wait(waiting, _LOOK_SECONDS, FIRST_COMPLETED)
        on_progress(sum(shares[:]) / len(futures))
        failed = [future for future in done if future.exception() is not None]
        for future in done.difference(failed):
            on_outcome(waiting.pop(future), future.result())
        if failed:
            failed[0].result()


# What a worker process holds from its first experiment to its last.
_here: dict[str, object] = {}


def _open(plan: Plan, bench: Bench, shares: "SynchronizedArray[float]") -> None:
    # Ctrl-C reaches every process of a terminal; the parent ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _here.update(plan=plan, bench=bench, shares=shares)


def _run(at: int, experiment: Experiment) -> Outcome:
    plan, bench, shares = _here["plan"], _here["bench"], _here["shares"]
    assert isinstance(bench, Bench) and isinstance(plan, Plan)
    # Opened by the first experiment, not by the pool, so that whoever waits for it learns what went wrong.
    laboratory = _here.setdefault("laboratory", None) or open_laboratory(plan, bench)
    _here["laboratory"] = laboratory

    def note(share: float) -> None:
        shares[at] = share  # type: ignore[index]

    outcome = run(experiment, laboratory, bench.distances, note)  # type: ignore[arg-type]
    note(1.0)
    return outcome
