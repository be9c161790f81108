"""How a rival's process answers: one line of JSON, the last on its standard output."""

import json
import sys
from pathlib import Path
from typing import Any

from rivals.job import Job


def job_of(place: int = 1) -> Job:
    """Return the job that the command line names."""
    return Job.read(Path(sys.argv[place]))


def answer(**values: Any) -> None:
    """Print what came of it; times are Unix seconds, so that the parent can subtract when the process was started."""
    print(json.dumps(values), flush=True)
