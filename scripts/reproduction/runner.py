"""Runs a study's experiments: those that are kept from an earlier time are not run again."""

import asyncio
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from mfpt_coord.commands.simulate_report import progress
from mfpt_coord.core.proximity import needs_distances
from mfpt_coord.core.relations import Distances
from mfpt_coord.languages.distances import USUAL_METRICS, find
from mfpt_coord.simulate.bench import Bench
from mfpt_coord.simulate.experiment import Experiment, Outcome, method_plan
from mfpt_coord.simulate.pool import run_all
from mfpt_shared.device.trainer import ColumnNames
from mfpt_shared.folders import cache_home
from mfpt_shared.languages import LanguageCode
from reproduction.attempt import Attempt, Incomplete
from reproduction.runs import RunStore, circumstances


@dataclass(slots=True)
class Counts:
    """Runs of a study.

    Attributes:
        reused: Runs that were there already.
    """

    reused: int = 0


class Runner:
    """Runs experiments on one bench, and keeps their outcomes.

    Attributes:
        counts: Runs that were there already.
        data: `cldr`, or a folder with a folder for each language.
        device: auto, cpu or cuda.
        jobs: Number of runs at a time.
        threads: Number of threads of each run.
        only_kept: Whether to run nothing, and make do with what is there.
    """

    def __init__(
        self,
        data: str,
        languages: Sequence[LanguageCode],
        *,
        device: str,
        jobs: int,
        threads: int,
        only_kept: bool = False,
        counts: Counts | None = None,
        columns: ColumnNames | None = None,
    ) -> None:
        """Prepare to run.

        Args:
            data: `cldr`, or a folder with a folder for each language.
            languages: Languages that a study may use.
            device: auto, cpu or cuda.
            jobs: Number of runs at a time.
            threads: Number of threads of each run.
            only_kept: Whether to run nothing, and make do with what is there.
            counts: Where to count; None: from 0.
            columns: Columns of the data's files; None: the usual ones.
        """
        self.data = data
        self._languages = languages
        self.device = device
        self.jobs = jobs
        self.threads = threads
        self.only_kept = only_kept
        self.counts = counts or Counts()
        self._columns = columns

    def elsewhere(self, data: str, languages: Sequence[LanguageCode], *, only_kept: bool = False) -> "Runner":
        """Return a runner on other data; it runs as this one does, and counts together with it.

        Args:
            data: See `__init__`.
            languages: See `__init__`.
            only_kept: Whether it is to run nothing, whatever this one does.
        """
        return Runner(
            data,
            languages,
            device=self.device,
            jobs=self.jobs,
            threads=self.threads,
            only_kept=only_kept or self.only_kept,
            counts=self.counts,
            columns=self._columns,
        )

    def run(self, study: str, experiments: Sequence[Experiment]) -> list[Outcome]:
        """Return the outcomes of experiments, in order; show on stderr how far they are.

        Raises:
            Incomplete: some are missing, because somebody pressed Ctrl-C or because nothing is to be run.
            MfptError: a run failed.
        """
        found = self.attempt(study, experiments)
        if found.missing:
            raise Incomplete(study, found.state, interrupted=found.interrupted, seeds=found.whole_seeds)
        return [found.outcomes[at] for at in range(len(experiments))]

    def attempt(self, study: str, experiments: Sequence[Experiment]) -> Attempt:
        """Return what is there after an attempt to run what is missing; show on stderr how far it is.

        Raises:
            MfptError: a run failed.
        """
        outcomes: dict[int, Outcome] = {}
        for at, experiment in enumerate(experiments):
            if (found := self._store.read(experiment)) is not None:
                outcomes[at] = found
        self.counts.reused += len(outcomes)
        missing = {at: one for at, one in enumerate(experiments) if at not in outcomes}
        interrupted = False
        if missing and not self.only_kept:
            try:
                if outcomes:
                    print(f"{study}: {len(outcomes)} of {len(experiments)} runs are there already", file=sys.stderr)
                self._make(study, missing, outcomes)
            except KeyboardInterrupt:
                interrupted = True
        return Attempt(experiments, outcomes, interrupted)

    @cached_property
    def _store(self) -> RunStore:
        return RunStore(cache_home() / "runs", circumstances(self.data, self.device, self._columns))

    def _make(self, study: str, missing: dict[int, Experiment], outcomes: dict[int, Outcome]) -> None:
        """Run what is missing, and keep each outcome as soon as it is there."""
        places = list(missing)

        def keep(place: int, outcome: Outcome) -> None:
            self._store.write(missing[places[place]], outcome)
            outcomes[places[place]] = outcome

        distances = self._distances(missing.values())
        bench = Bench(self.data, distances, cache_home(), self.device, self.jobs, self.threads, columns=self._columns)
        with progress(study, sys.stderr) as on_progress:
            run_all(list(missing.values()), bench, on_progress, keep)

    def _distances(self, experiments: Iterable[Experiment]) -> Distances:
        """Return the distances between the languages; URIEL+ takes seconds and is asked only where needed."""
        if not any(needs_distances(method_plan(one).aggregation) for one in experiments):
            return {}
        return asyncio.run(find(self._languages, USUAL_METRICS, {}))
