"""Attacks by invited devices that lie in what they send."""

from statistics import fmean
from typing import Final

from attacks.attack import Attack, Ground, Result
from attacks.colluders import a_little, flipped
from attacks.fold_federation import Lie, Reached, reached

# What the honest devices may lose, in shares of the test examples.
_TOLERATED: Final = 0.03


def baseline(ground: Ground) -> float:
    """Return the accuracy of the honest devices without the others."""
    return _mean(ground, None)[0]


def _mean(ground: Ground, lie: Lie | None) -> tuple[float, float]:
    """Return the accuracies with the federation's and with the personal prompts, means over the seeds."""
    found: list[Reached] = [
        reached(experiment, ground.laboratory, ground.distances, lie) for experiment in ground.experiments
    ]
    return fmean(one.accuracy for one in found), fmean(one.used for one in found)


def _attack(name: str, about: str, lie: Lie) -> Attack:
    def run(ground: Ground, alone: float) -> Result:
        accuracy, used = _mean(ground, lie)
        return Result(refused=accuracy >= alone - _TOLERATED, honest_accuracy=accuracy, used_accuracy=used)

    return Attack(name, about, run)


FOLD_ATTACKS: Final = (
    _attack("sign-flip", "a third of the devices send the opposite of what they learnt", Lie(forge=flipped)),
    _attack("rotated-labels", "a third train with every label taken for the next", Lie(rotates=True)),
    _attack("a-little", "a third hide within the spread of the honest (ALIE)", Lie(forge=a_little)),
    _attack("false-shares-1", "a third say that they keep nothing of the federation's prompt", Lie(claimed=1.0)),
    _attack("false-shares-0", "a third say that they keep nothing of their own", Lie(claimed=0.0)),
    _attack("one-language", "a third train with rotated labels, all in one language", Lie(rotates=True, crowds=True)),
)
