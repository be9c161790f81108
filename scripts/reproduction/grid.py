"""Each device alone at its best: the honest rival of every federation.

A device tries learning rates and head starts of a grid, and takes for its own whatever did best on examples that it
held out itself; no test sentence has a say.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from mfpt_coord.simulate.experiment import Outcome
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan
from reproduction.setting import changed


class Point(NamedTuple):
    """A point of the grid, beside the plan's defaults."""

    head_start: str
    prompt_rate: float
    head_rate: float

    def __str__(self) -> str:
        """The point as captions name it."""
        return f"head start {self.head_start}, learning rates {self.prompt_rate:g}/{self.head_rate:g}"


_GRID: Final = (Point("ridge", 0.005, 0.002), Point("zero", 0.02, 0.005))


def points(*, quick: bool) -> tuple[Point, ...]:
    """Return the points of the grid; fewer if it has to be quick."""
    return _GRID[:1] if quick else _GRID


def plan_at(plan: Plan, point: Point) -> Plan:
    """Return a plan that trains as a point says."""
    return changed(
        plan,
        "training",
        head_start=point.head_start,
        prompt_learning_rate=point.prompt_rate,
        head_learning_rate=point.head_rate,
    )


def best(runs: Sequence[Outcome], language: LanguageCode) -> Outcome:
    """Return the run alone that did best for a language on the examples that it held out."""
    return max(runs, key=lambda run: run.validation[language])
