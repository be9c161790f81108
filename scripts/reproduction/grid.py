"""The rival `local, best of a grid`: each device alone, with the settings that do best on what it holds out."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from mfpt_coord.simulate.experiment import Outcome
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan
from reproduction.setting import changed


class Point(NamedTuple):
    """Settings that a device alone tries beside the plan's defaults."""

    head_start: str
    prompt_rate: float
    head_rate: float

    def __str__(self) -> str:
        return f"head start {self.head_start}, learning rates {self.prompt_rate:g}/{self.head_rate:g}"


_POINTS: Final = (Point("ridge", 0.02, 0.0005), Point("ridge", 0.005, 0.002))
_DEFAULTS: Final = "the plan's defaults"


def grid(plan: Plan, *, quick: bool = False) -> dict[str, Plan]:
    """Return the plans that a device alone tries, by their descriptions; the plan's own settings come first."""
    points = _POINTS[:1] if quick else _POINTS
    return {_DEFAULTS: plan} | {str(point): _at(plan, point) for point in points}


def _at(plan: Plan, point: Point) -> Plan:
    return changed(
        plan,
        "training",
        head_start=point.head_start,
        prompt_learning_rate=point.prompt_rate,
        head_learning_rate=point.head_rate,
    )


def best(runs: Sequence[Outcome]) -> dict[LanguageCode, Outcome]:
    """Return for each language the run that did best on what its devices held out, by accuracy, then by loss.

    Args:
        runs: Runs of `local` with one seed, one for each plan of the grid.
    """
    return {
        tag: max(runs, key=lambda run: (run.validation[tag], -run.validation_loss[tag])) for tag in runs[0].accuracy
    }
