"""Full fine-tuning of all weights on everybody's examples: the upper reference, which no federation is allowed.

python -m rivals.fine_tuning JOB RATE HEAD_RATE
"""

import sys
import time

from rivals.central import train_centrally
from rivals.child import answer, job_of
from rivals.federating import tested
from rivals.job import Job, Rates


def main(job: Job, rates: Rates) -> None:
    """Train, then test."""
    began = time.time()
    model = train_centrally(job, "all", rates)
    trained = time.time()
    answer(accuracy=tested(job, model, model.arrays()), began=began, trained=trained)


if __name__ == "__main__":
    main(job_of(), Rates(float(sys.argv[2]), float(sys.argv[3])))
