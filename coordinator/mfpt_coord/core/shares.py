"""How many examples of each device count, whatever it says: no device, and no crowd of new ones, outweighs the rest."""

from collections.abc import Mapping

import numpy as np

from mfpt_shared.plan import Aggregation


def counted_examples(examples: Mapping[str, int], folded: Mapping[str, int], plan: Aggregation) -> dict[str, float]:
    """Return the number of examples that each device counts with.

    A device counts with at most `max_examples`, and with at most `device_share` of what all count with; but twice an
    equal share is always allowed, so that the limit does nothing between two. Then newcomers, devices with fewer than
    `newcomer_updates` updates in earlier folds, are scaled down alike to at most `newcomer_share` of what all count
    with; where all are new, nothing is scaled.

    Args:
        examples: Device -> examples as it says.
        folded: Device -> its updates in earlier folds; a device that is missing has none.
        plan: Gives the limits.
    """
    said = np.clip(np.array(list(examples.values()), np.float64), 1, plan.max_examples)
    counted = np.minimum(said, _level(np.sort(said).tolist(), max(plan.device_share, 2 / max(1, len(said)))))
    is_new = np.array([folded.get(device, 0) < plan.newcomer_updates for device in examples], np.bool_)
    of_new, of_old = (sum(counted[some].tolist()) for some in (is_new, ~is_new))
    if of_old > 0 and of_new > plan.newcomer_share * (of_new + of_old):
        factor = plan.newcomer_share / (1 - plan.newcomer_share) * of_old / of_new
        counted = np.where(is_new, counted * factor, counted)
    return dict(zip(examples, counted.tolist(), strict=True))


def _level(counts: list[float], share: float) -> float:
    """Return the highest level at which no count, cut down to it, is more than a share of their sum.

    Args:
        counts: Ascending.
        share: At least one over their number.
    """
    rest = sum(counts)
    for cut in range(len(counts)):
        largest = counts[-1 - cut]
        # With the `cut` largest at the level L, it is a share of the sum: L = share (rest + cut L).
        level = share * rest / (1 - cut * share) if cut * share < 1 else largest
        if largest <= level:
            return level
        rest -= largest
    return max(counts, default=0.0)
