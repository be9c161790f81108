"""The Flower app, where somebody has made an environment with Flower: `./scripts/reproduce rivals` does."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mfpt_shared.folders import cache_home
from rivals import flower
from rivals.choosing import GRID
from rivals.environment import flower_environment
from rivals.flower import Engine
from rivals.job import Device, Item, Job
from rivals.model import Rival

ENVIRONMENT = Path(os.environ.get("MFPT_RIVALS_ENV") or cache_home() / "rivals-env")


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.skipif(not (ENVIRONMENT / "bin" / "flwr").exists(), reason="no environment with Flower is here")
@pytest.mark.parametrize("engine", ["simulation", "processes"])
def test_every_device_takes_part_in_every_round_under_flower(
    engine: Engine, tiny_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    import numpy as np

    items = tuple(Item((text,), (label,)) for text, label in (("good food", 0), ("bad food", 1)))
    job = Job(
        kind="classification", labels=2, prefix="query: ", max_tokens=16, batch=4, rounds=2, epochs=1,
        compute="float32", checkpoint=str(tiny_folder("Bert")), seed=0,
        devices=(Device("swh", items, items), Device("zul", items, items)),
    )  # fmt: skip
    job.write(tmp_path / "job.json")
    start = Rival(job, "lora").arrays()
    np.savez(tmp_path / "start.npz", **start)  # type: ignore[arg-type]  # no array is named allow_pickle
    rival = flower.Rival(tmp_path / "job.json", "lora", GRID["lora"][0], tmp_path / "start.npz", 2, limit=600)
    (tmp_path / "run").mkdir()

    ran = flower.run(rival, engine, flower_environment(ENVIRONMENT, print), tmp_path / "run")

    with np.load(ran.made) as made:
        assert set(made) == set(start)
        assert all((made[name] != start[name]).any() for name in start)
    assert set(ran.peaks) == ({"server", "device-0", "device-1"} if engine == "processes" else {"server"})
    assert 0 < ran.training_seconds < ran.seconds
