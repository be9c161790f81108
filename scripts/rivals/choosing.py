"""Chooses a rival's learning rates: a fifth of every device's training examples says which of a grid does best.

    python -m rivals.choosing JOB ADAPTER START POINTS

writes what all devices begin with to START, a file of numpy's, and tries the first POINTS of the adapter's grid.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import mean
from typing import Final

import numpy as np

from rivals.central import train_centrally
from rivals.child import answer, job_of
from rivals.federating import federate, tested
from rivals.job import Adapter, Job, Rates
from rivals.model import Rival

GRID: Final[Mapping[Adapter, tuple[Rates, ...]]] = {
    "prompt": (Rates(0.03, 0.005), Rates(0.01, 0.002), Rates(0.1, 0.005)),
    "lora": (Rates(0.001, 0.002), Rates(0.0005, 0.002), Rates(0.002, 0.005)),
    "all": (Rates(5e-5, 0.002), Rates(2e-5, 0.002), Rates(1e-4, 0.002)),
}


def main(job: Job, adapter: Adapter, start: Path, points: int) -> None:
    """Choose."""
    np.savez(start, **Rival(job, adapter).arrays())  # type: ignore[arg-type]  # no array is named allow_pickle
    grid = GRID[adapter][:points]
    # With one point there is nothing to choose.
    scores = [_score(job.to_choose_with(), adapter, rates) for rates in grid] if len(grid) > 1 else [0.0]
    answer(rates=grid[int(np.argmax(scores))], scores=scores)


def _score(job: Job, adapter: Adapter, rates: Rates) -> float:
    if adapter == "all":
        model = train_centrally(job, adapter, rates)
        arrays = model.arrays()
    else:
        model, arrays = federate(job, adapter, rates)
    return mean(tested(job, model, arrays).values())


if __name__ == "__main__":
    main(job_of(), sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))  # type: ignore[arg-type]  # the parent's choice
