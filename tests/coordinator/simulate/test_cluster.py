"""Simulations on a Dask cluster, with the real backbone."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from mfpt_coord.presets import preset_plan
from mfpt_coord.server.broker_config import Listen
from mfpt_coord.server.ports import claim_port
from mfpt_coord.simulate.bench import Bench
from mfpt_coord.simulate.experiment import Experiment
from mfpt_coord.simulate.pool import run_all
from mfpt_shared.errors import ConnectionFailed, UsageError
from mfpt_shared.languages import LanguageCode

SMALL = Experiment(
    plan=preset_plan("cldr"),
    method="local",
    languages=(LanguageCode("swh"),),
    examples=16,
    rounds=1,
    max_test=8,
)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench("cldr", {}, tmp_path, device="cpu", threads=1)


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, dashboard_address=None, local_directory=str(tmp_path / "dask")
    ) as cluster:
        yield cluster.scheduler_address


@pytest.mark.network
@pytest.mark.slow
def test_a_cluster_computes_what_this_machine_does(bench: Bench, scheduler: str) -> None:
    experiments = [msgspec.structs.replace(SMALL, seed=seed) for seed in (0, 1)]
    done: dict[int, object] = {}

    there = run_all(experiments, replace(bench, engine=scheduler), on_outcome=done.__setitem__)

    assert there == run_all(experiments, bench)
    assert done == dict(enumerate(there))


@pytest.mark.network
@pytest.mark.slow
def test_an_error_of_a_simulation_comes_back_from_the_cluster(bench: Bench, scheduler: str) -> None:
    with pytest.raises(UsageError, match="cannot be shared out"):
        run_all([msgspec.structs.replace(SMALL, examples=4)], replace(bench, engine=scheduler))


@pytest.mark.network
def test_a_scheduler_that_is_not_there_is_named(bench: Bench) -> None:
    dask = pytest.importorskip("dask")
    nowhere = f"tcp://127.0.0.1:{claim_port(Listen('127.0.0.1', 0))}"

    with dask.config.set({"distributed.comm.timeouts.connect": "200ms"}), pytest.raises(ConnectionFailed) as error:
        run_all([SMALL], replace(bench, engine=nowhere))

    assert nowhere in str(error.value)
    assert "dask scheduler" in str(error.value)
