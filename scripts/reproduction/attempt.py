"""A study whose runs are not all there: what it has, and what is missing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mfpt_coord.simulate.experiment import Experiment, Outcome
from mfpt_shared.errors import MfptError

if TYPE_CHECKING:
    from reproduction.study import Study


class Incomplete(MfptError):
    """A study that cannot be finished now: it was interrupted, or nothing is to be run.

    Attributes:
        seeds: Seeds whose runs are all there.
        partial: What the runs that are there come to, where the study has that ready.
        interrupted: Whether somebody pressed Ctrl-C.
    """

    def __init__(
        self,
        study: str,
        state: str,
        *,
        interrupted: bool,
        seeds: tuple[int, ...] = (),
        partial: "Study | None" = None,
        details: Sequence[str] = (),
    ) -> None:
        """Say what is missing.

        Args:
            study: Name of the study.
            state: What is done and what is missing.
            interrupted: Whether somebody pressed Ctrl-C.
            seeds: Seeds whose runs are all there.
            partial: What the runs that are there come to.
            details: Lines that say more about what is missing.
        """
        self.seeds = seeds
        self.partial = partial
        self.interrupted = interrupted
        advice = "run the same command again to go on" if interrupted else "run it without --partial to go on"
        super().__init__("\n  ".join([f"{study}: {state}; {advice}", *details]))


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of experiments, as far as they are there.

    Attributes:
        experiments: The experiments.
        outcomes: Place of an experiment -> what came of it.
        interrupted: Whether somebody pressed Ctrl-C.
    """

    experiments: Sequence[Experiment]
    outcomes: Mapping[int, Outcome]
    interrupted: bool

    @property
    def missing(self) -> list[Experiment]:
        """Experiments that have no outcome, in order."""
        return [one for at, one in enumerate(self.experiments) if at not in self.outcomes]

    @property
    def whole_seeds(self) -> tuple[int, ...]:
        """Seeds whose experiments all have an outcome."""
        broken = {one.seed for one in self.missing}
        return tuple(dict.fromkeys(one.seed for one in self.experiments if one.seed not in broken))

    @property
    def state(self) -> str:
        """What is done and what is missing, such as `6 of 7 runs are done; missing: seed 1: local (1)`."""
        done = f"{len(self.outcomes)} of {len(self.experiments)} runs are done"
        return f"{done}; missing: {listed(self.missing)}"


def listed(experiments: Sequence[Experiment]) -> str:
    """Return the methods of runs by seed, such as `seed 1: local (3), mfpt (1)`."""
    by_seed: dict[int, Counter[str]] = {}
    for one in experiments:
        by_seed.setdefault(one.seed, Counter())[one.method] += 1
    return "; ".join(
        f"seed {seed}: " + ", ".join(f"{method} ({number})" for method, number in methods.items())
        for seed, methods in by_seed.items()
    )
