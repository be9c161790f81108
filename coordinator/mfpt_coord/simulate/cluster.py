"""Runs experiments on a Dask cluster: a researcher's own machines, each with mfpt and the data at the same paths."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import replace

import msgspec

from mfpt_coord.core.relations import Distances
from mfpt_coord.simulate.bench import Bench, open_laboratory
from mfpt_coord.simulate.experiment import Experiment, OnProgress, Outcome
from mfpt_coord.simulate.run import run
from mfpt_coord.simulate.watching import OnOutcome, watch
from mfpt_shared.device.trainer import Laboratory
from mfpt_shared.errors import ConnectionFailed, NotInstalled
from mfpt_shared.plan import Plan


def run_on_cluster(
    experiments: Sequence[Experiment], bench: Bench, on_progress: OnProgress, on_outcome: OnOutcome
) -> list[Outcome]:
    """Run experiments on the cluster whose scheduler the bench names; see `pool.run_all`.

    Raises:
        NotInstalled: Dask is missing here.
        ConnectionFailed: The scheduler cannot be reached.
        MfptError: The error of the first experiment that failed.
    """
    plan, place = experiments[0].plan, replace(bench, distances={})
    with _cluster(bench.engine) as executor:
        futures = [executor.submit(_run_there, plan, place, bench.distances, one) for one in experiments]
        try:
            watch(futures, on_progress, on_outcome)
        finally:
            for future in futures:
                future.cancel()
        return [future.result() for future in futures]


@contextmanager
def _cluster(scheduler: str) -> Iterator[Executor]:
    try:
        from distributed import Client  # noqa: PLC0415 - a large package that few need
    except ImportError as error:
        raise NotInstalled("--engine needs Dask: pip install 'mfpt[dask]'") from error
    try:
        client = Client(scheduler, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ConnectionFailed(
            f"--engine {scheduler}: no Dask scheduler answers there ({error}); start one with `dask scheduler`"
        ) from error
    with client:
        # Two experiments of a study differ, and the same one twice is wanted twice.
        yield client.get_executor(pure=False)


class _Resident:
    """The laboratory of a worker process, kept from one experiment to the next, for one of them at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opened_for = b""
        self._laboratory: Laboratory | None = None

    def run(self, plan: Plan, bench: Bench, distances: Distances, experiment: Experiment) -> Outcome:
        with self._lock:
            wanted = msgspec.json.encode((plan, bench), enc_hook=str)
            if self._laboratory is None or self._opened_for != wanted:
                self._laboratory, self._opened_for = open_laboratory(plan, bench), wanted
            return run(experiment, self._laboratory, distances)


# Tasks of a cluster come one by one: what a process keeps between them can only be a global.
_resident = _Resident()


def _run_there(plan: Plan, bench: Bench, distances: Distances, experiment: Experiment) -> Outcome:
    return _resident.run(plan, bench, distances, experiment)
