"""Where the systems of the study of rivals run, and how one process of them is measured."""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from mfpt_coord.simulate.experiment import Experiment
from mfpt_shared.errors import MfptError
from reproduction.rivals_job import Holding
from rivals.job import Adapter, Job, Rates
from rivals.process_trees import ends_by, last_lines, running, watching


class Child(NamedTuple):
    """What a process answered, the most memory of its tree (MB), and when it was started (Unix seconds)."""

    answer: Mapping[str, Any]
    peak_mb: float
    began: float


@dataclass(slots=True)
class Bench:
    """One task with one seed.

    Attributes:
        experiment: Plan, languages, rounds and seed.
        data: Folder with a folder for each language.
        held: Sentences of each device.
        job: The same for rivals.
        folder: Empty folder for everything that is written.
        environment: Folder of Flower's virtual environment.
        points: Number of points of each rival's grid that are tried.
        limit: Longest time for one system, seconds.
        say: Told what is done now.
    """

    experiment: Experiment
    data: str
    held: tuple[Holding, ...]
    job: Job
    folder: Path
    environment: Path
    points: int
    limit: float
    say: Callable[[str], None]
    _answers: dict[tuple[object, ...], Child] = field(default_factory=dict)

    @property
    def job_file(self) -> Path:
        """File with the job."""
        place = self.folder / "job.json"
        if not place.exists():
            self.job.write(place)
        return place

    def start(self, adapter: Adapter) -> Path:
        """Return the file with what all devices begin with; there after `chosen`."""
        return self.folder / f"start-{adapter}.npz"

    def new_folder(self, name: str) -> Path:
        """Make a folder for one system."""
        place = self.folder / name
        place.mkdir()
        return place

    def chosen(self, adapter: Adapter) -> Rates:
        """Return the best learning rates of a rival's grid, by a part of its own training examples."""
        found = self.child("rivals.choosing", self.job_file, adapter, self.start(adapter), self.points)
        return Rates(*found.answer["rates"])

    def child(self, module: str, *arguments: object, cache: Path | None = None) -> Child:
        """Run a module in a process of its own; its last line is its answer, also when it is asked again.

        Args:
            module: Module to run.
            arguments: Its arguments.
            cache: Folder for what mfpt keeps; None: the usual one.

        Raises:
            MfptError: It failed, or took too long.
        """
        asked = (module, *arguments)
        if asked not in self._answers:
            self._answers[asked] = self._run(module, arguments, cache)
        return self._answers[asked]

    def _run(self, module: str, arguments: Sequence[object], cache: Path | None) -> Child:
        self.say(" ".join([module, *(str(one) for one in arguments if not isinstance(one, Path))]))
        log, output = self.folder / f"{module}.log", self.folder / f"{module}.out"
        env = {**os.environ, **({"MFPT_CACHE": str(cache)} if cache else {})}
        command = [sys.executable, "-W", "ignore", "-m", module, *map(str, arguments)]
        began = time.time()
        with watching() as watch, running(command, env, log, output=output) as process:
            watch.add("child", process.pid)
            is_over = ends_by(process, time.monotonic() + self.limit)
        if not is_over or process.returncode:
            why = "failed" if is_over else f"was not done after {self.limit:.0f} s"
            raise MfptError(f"rivals: {module} {why}: {last_lines(log)}")
        answer = json.loads(output.read_text(encoding="utf-8").strip().splitlines()[-1])
        return Child(answer, watch.peaks["child"], began)
