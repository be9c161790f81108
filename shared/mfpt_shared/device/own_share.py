"""How much of its own a device keeps beside the federation's prompt: one number, chosen by what nothing was tuned on.

What a device uses, its personal prompt, is the federation's virtual tokens with a head that is drawn to the
federation's:

    argmin_W  sum_i loss(W; x_i, y_i) + strength |W - W_federated|^2

The strength says how many examples the federation's head is worth to this device. With n answers of its own, its own
share is n / (n + strength): 0 keeps the federation's head as it is, and what comes near 1 has next to nothing of it.
Since the strength counts examples, what is chosen on two thirds of these holds for all of them.

The choice is by the cross-entropy on the held-out examples. Where these are few, chance would choose, so a share that
others do not usually keep has to be better by more.

Source of a head drawn to another: Evgeniou & Pontil 2004, "Regularized multi-task learning", section 2.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SHARES: Final = (0.0, *(1 / (1 + math.exp(-odds)) for odds in (-3.0, -1.5, 0.0, 1.5, 3.0, 4.5, 6.0)))
"""Shares that a device tries: none, and logarithms of the odds that are evenly spaced."""
# What all must be better by than none, in nats over all held-out answers, where none is usual. Measured: on twelve
# sentences of SIB-200 less lets chance choose, on those of MasakhaPOS more keeps too little.
_CAUTION: Final = 10.0


@dataclass(frozen=True, slots=True)
class Trials:
    """How heads with more or less of their own did on the held-out examples.

    Attributes:
        shares: Own share of every head.
        losses: Its mean cross-entropy on the held-out answers.
        answers: Number of held-out answers: one a text, or one a word.
        accuracies: Share of these that it got right; empty where nobody has counted.
    """

    shares: Sequence[float]
    losses: Sequence[float]
    answers: int
    accuracies: Sequence[float] = ()

    def accuracy(self, share: float) -> float | None:
        """Return the share of held-out answers that the head with the nearest own share got right; None: not known."""
        if not self.accuracies:
            return None
        return self.accuracies[min(range(len(self.shares)), key=lambda at: abs(self.shares[at] - share))]


def strength_of(share: float, answers: int) -> float:
    """Return how many examples the federation's head is worth where a device keeps a share above 0.

    Args:
        share: Own share, in 0..1.
        answers: Number of answers in all of the device's examples.
    """
    return answers * (1 - share) / share


def choose(trials: Trials, usual: float | None) -> float:
    """Return the share that did best, if it is better than the usual one by as much as it is unusual.

    Args:
        trials: What was tried.
        usual: Share that devices usually keep; None: nobody knows, so that the federation's head has the benefit of
            the doubt.
    """
    expected = 0.0 if usual is None else usual

    def cost(at: int) -> float:
        return trials.losses[at] * trials.answers + _CAUTION * (trials.shares[at] - expected) ** 2

    return trials.shares[min(range(len(trials.shares)), key=cost)]
