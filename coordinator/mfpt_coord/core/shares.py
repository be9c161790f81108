"""How many examples of each device count, whatever it says: no device, and no crowd of new ones, outweighs the rest."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mfpt_shared.plan import Aggregation

Counts = NDArray[np.int64]
Values = NDArray[np.float64]


class Active(NamedTuple):
    """What the active devices of a language count with, in groups of devices that count alike.

    Attributes:
        examples: Examples that each device of a group counts with, [groups].
        devices: Number of the devices in each group, [groups].
    """

    examples: Values
    devices: Counts

    @classmethod
    def of(cls, examples: Sequence[float]) -> "Active":
        """Return devices that count with so many examples, each in a group of its own."""
        return cls(np.array(examples, np.float64), np.ones(len(examples), np.int64))

    @classmethod
    def joined(cls, parts: Sequence["Active"]) -> "Active":
        """Return the devices of all of these."""
        return cls(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def counted_examples(examples: Counts, is_new: NDArray[np.bool_], devices: Counts, plan: Aggregation) -> Values:
    """Return the number of examples that each device counts with, in groups of devices that say the same.

    A device counts with at most `max_examples`, and with at most `device_share` of what all count with; but twice an
    equal share is always allowed, so that the limit does nothing between two. Then newcomers, devices with fewer than
    `newcomer_updates` updates in earlier folds, are scaled down alike to at most `newcomer_share` of what all count
    with; where all are new, nothing is scaled.

    The order of the groups changes nothing, nor does it in how many groups the devices are that say the same.

    Args:
        examples: Examples as each device of a group says, [groups].
        is_new: Whether they are newcomers, [groups].
        devices: Number of the devices in each group, [groups].
        plan: Gives the limits.

    Returns:
        [groups] float64.
    """
    said, group_of = np.unique(np.clip(examples, 1, plan.max_examples), return_inverse=True)
    of_new, of_old = (
        np.bincount(group_of[one], devices[one], len(said)).astype(np.float64) for one in (is_new, ~is_new)
    )
    share = max(plan.device_share, 2 / max(1, int(devices.sum())))
    counted = np.minimum(said, _level(said, of_new + of_old, share))
    new, old = float((counted * of_new).sum()), float((counted * of_old).sum())
    is_crowded = old > 0 and new > plan.newcomer_share * (new + old)
    factor = plan.newcomer_share / (1 - plan.newcomer_share) * old / new if is_crowded else 1.0
    return np.where(is_new, factor, 1.0) * counted[group_of]


def _level(counts: Counts, devices: Values, share: float) -> float:
    """Return the highest level at which no count, cut down to it, is more than a share of their sum.

    Devices with the same count are cut down together: if one of them is more than the share, so are the others.

    Args:
        counts: Rising, [counts].
        devices: Number of the devices with each count, [counts].
        share: At least one over the number of all devices.
    """
    rest, cut = float((counts * devices).sum()), 0.0
    for largest, number in zip(counts[::-1].tolist(), devices[::-1].tolist(), strict=True):
        # With the `cut` largest at the level L, it is a share of the sum: L = share (rest + cut L).
        level = share * rest / (1 - cut * share) if cut * share < 1 else float(largest)
        if largest <= level:
            return level
        rest -= largest * number
        cut += number
    return float(counts[-1]) if len(counts) else 0.0
