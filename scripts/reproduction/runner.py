"""Runs a study's experiments: those that are kept from an earlier time are not run again."""

import asyncio
import sys
from collections import Counter
from collections.abc import Iterable, Sequence

from mfpt_coord.commands.simulate_report import progress
from mfpt_coord.core.proximity import needs_distances
from mfpt_coord.core.relations import Distances
from mfpt_coord.languages.distances import METRICS, find
from mfpt_coord.simulate.experiment import Experiment, Outcome, method_plan
from mfpt_coord.simulate.pool import Bench, run_all
from mfpt_shared.errors import MfptError
from mfpt_shared.folders import cache_home
from mfpt_shared.languages import LanguageCode
from reproduction.runs import RunStore, circumstances


class Incomplete(MfptError):
    """A study that cannot be finished now: it was interrupted, or nothing is to be run.

    Attributes:
        seeds: Seeds whose runs are all there.
        interrupted: Whether somebody pressed Ctrl-C.
    """

    def __init__(self, study: str, experiments: Sequence[Experiment], missing: set[int], *, interrupted: bool) -> None:
        """Say what is missing.

        Args:
            study: Name of the study.
            experiments: All runs of the study.
            missing: Indices of the runs that are not there.
            interrupted: Whether somebody pressed Ctrl-C.
        """
        broken = {experiments[at].seed for at in missing}
        self.seeds = tuple(dict.fromkeys(one.seed for one in experiments if one.seed not in broken))
        self.interrupted = interrupted
        done = f"{len(experiments) - len(missing)} of {len(experiments)} runs are done"
        lacking = _listed([experiments[at] for at in sorted(missing)])
        advice = "run the same command again to go on" if interrupted else "run it without --partial to go on"
        super().__init__(f"{study}: {done}; missing: {lacking}; {advice}")


def _listed(experiments: Sequence[Experiment]) -> str:
    """Return the methods of runs by seed, such as `seed 1: local (3), mfpt (1)`."""
    by_seed: dict[int, Counter[str]] = {}
    for one in experiments:
        by_seed.setdefault(one.seed, Counter())[one.method] += 1
    return "; ".join(
        f"seed {seed}: " + ", ".join(f"{method} ({number})" for method, number in methods.items())
        for seed, methods in by_seed.items()
    )


class Runner:
    """Runs experiments on one bench, and keeps their outcomes.

    Attributes:
        reused: Runs that were there already.
        made: Runs that were made now.
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
    ) -> None:
        """Prepare to run.

        Args:
            data: `cldr`, or a folder with a folder for each language.
            languages: Languages that a study may use.
            device: auto, cpu or cuda.
            jobs: Number of runs at a time.
            threads: Number of threads of each run.
            only_kept: Whether to run nothing, and make do with what is there.
        """
        self._data = data
        self._languages = languages
        self._device = device
        self._jobs = jobs
        self._threads = threads
        self.only_kept = only_kept
        self._store = RunStore(cache_home() / "runs", circumstances(data, device))
        self.reused = 0
        self.made = 0

    def run(self, study: str, experiments: Sequence[Experiment]) -> list[Outcome]:
        """Return the outcomes of experiments, in order; show on stderr how far they are.

        Raises:
            Incomplete: some are missing, because somebody pressed Ctrl-C or because nothing is to be run.
            MfptError: a run failed.
        """
        outcomes: dict[int, Outcome] = {}
        for at, experiment in enumerate(experiments):
            if (found := self._store.read(experiment)) is not None:
                outcomes[at] = found
        self.reused = len(outcomes)
        missing = [at for at in range(len(experiments)) if at not in outcomes]
        interrupted = False
        if missing and not self.only_kept:
            try:
                if outcomes:
                    print(f"{study}: {len(outcomes)} of {len(experiments)} runs are there already", file=sys.stderr)
                self._make(study, {at: experiments[at] for at in missing}, outcomes)
            except KeyboardInterrupt:
                interrupted = True
        self.made = len(outcomes) - self.reused
        if still := set(missing).difference(outcomes):
            raise Incomplete(study, experiments, still, interrupted=interrupted)
        return [outcomes[at] for at in range(len(experiments))]

    def _make(self, study: str, missing: dict[int, Experiment], outcomes: dict[int, Outcome]) -> None:
        """Run what is missing, and keep each outcome as soon as it is there."""
        places = list(missing)

        def keep(place: int, outcome: Outcome) -> None:
            self._store.write(missing[places[place]], outcome)
            outcomes[places[place]] = outcome

        bench = Bench(
            self._data, self._distances(missing.values()), cache_home(), self._device, self._jobs, self._threads
        )
        with progress(study, sys.stderr) as on_progress:
            run_all(list(missing.values()), bench, on_progress, keep)

    def _distances(self, experiments: Iterable[Experiment]) -> Distances:
        """Return the distances between the languages; URIEL+ takes seconds and is asked only where needed."""
        if not any(needs_distances(method_plan(one).aggregation) for one in experiments):
            return {}
        return asyncio.run(find(self._languages, METRICS[:3], {}))
