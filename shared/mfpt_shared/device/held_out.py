"""Which of its examples a device leaves out of its first rounds, to measure on them what these made."""

from collections.abc import Sequence
from typing import Final

import numpy as np

HELD_ROUNDS: Final = 3
"""Number of a device's rounds that leave the held-out examples out; later ones train on all."""
# One of so many examples is held out.
_ONE_OF: Final = 3


def held_out(labels: Sequence[int], seed: int = 0, one_of: int = _ONE_OF) -> list[int]:
    """Return the rows of a third of the examples, at least one, spread evenly over the labels; none of less than two.

    Args:
        labels: Label of every example, or any other number over which to spread.
        seed: Decides which examples of a label these are.
        one_of: Another share than a third: one of so many.
    """
    order = np.random.default_rng(seed).permutation(len(labels)).tolist()
    by_label = sorted(order, key=labels.__getitem__)
    return sorted(by_label[1::one_of])


def kept_in(labels: Sequence[int], seed: int = 0) -> list[int]:
    """Return the rows of the other examples; arguments as for `held_out`."""
    return sorted(set(range(len(labels))) - set(held_out(labels, seed)))
