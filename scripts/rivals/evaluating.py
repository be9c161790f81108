"""Tests what a federation made: python -m rivals.evaluating JOB ADAPTER ARRAYS."""

import sys
from pathlib import Path

import numpy as np

from rivals.child import answer, job_of
from rivals.federating import tested
from rivals.job import Adapter, Job
from rivals.model import Rival


def main(job: Job, adapter: Adapter, made: Path) -> None:
    """Test."""
    with np.load(made) as found:
        answer(accuracy=tested(job, Rival(job, adapter), dict(found)))


if __name__ == "__main__":
    main(job_of(), sys.argv[2], Path(sys.argv[3]))  # type: ignore[arg-type]  # the parent names an adapter
