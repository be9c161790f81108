"""What an experiment is run with, and how its runs are made and cached."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from mfpt_coord.commands.simulate_report import progress
from mfpt_coord.core.relations import Distances
from mfpt_coord.languages.distances import METRICS, find
from mfpt_coord.presets import preset_plan
from mfpt_coord.simulate.experiment import Experiment, Method, Outcome
from mfpt_coord.simulate.pool import Bench, run_all
from mfpt_shared.folders import cache_home
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan


@dataclass(frozen=True, slots=True)
class Setting:
    """What the command line says.

    Attributes:
        data: folder with a folder for each language.
        preset: task.
        examples: of each language; None: the study's own choice.
        rounds: of each device.
        methods: of the headline; local, central, fedavg and mfpt are always there.
        quick: fewer runs, for 15 minutes on 2 cores.
        out: folder for JSON and figures.
    """

    data: Path
    preset: str
    languages: tuple[LanguageCode, ...]
    examples: int | None
    rounds: int
    seeds: tuple[int, ...]
    methods: tuple[Method, ...]
    parallel: bool
    jobs: int
    threads: int | None
    device: str
    quick: bool
    out: Path

    @property
    def plan(self) -> Plan:
        """The preset's plan."""
        return preset_plan(self.preset)

    def experiment(self, method: Method, seed: int, **changes: Any) -> Experiment:
        """Return an experiment of this setting, with changes."""
        values = {
            "plan": self.plan,
            "languages": self.languages,
            "examples": self.examples or 35,
            "rounds": self.rounds,
            "parallel": self.parallel,
            **changes,
        }
        return Experiment(method=method, seed=seed, **values)

    def run(self, what: str, experiments: Sequence[Experiment]) -> list[Outcome]:
        """Run experiments, several at a time, and show how far they are."""
        bench = Bench(str(self.data), self._distances(), cache_home(), self.device, self.jobs, self.threads)
        with progress(what, sys.stderr) as on_progress:
            return run_all(experiments, bench, on_progress)

    def _distances(self) -> Distances:
        return asyncio.run(find(self.languages, METRICS[:3], {}))


def changed(plan: Plan, section: str, **values: Any) -> Plan:
    """Return a plan with changes in one section."""
    return msgspec.structs.replace(plan, **{section: msgspec.structs.replace(getattr(plan, section), **values)})
