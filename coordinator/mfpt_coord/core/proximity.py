"""From language distances to the weights that languages have for one another."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.plan import Aggregation

Pair = tuple[LanguageCode, LanguageCode]
Distances = Mapping[Pair, Mapping[str, float]]
"""(a, b) with a < b -> metric -> distance in 0..1. What is unknown is not there."""

# Between the near (.2 to .3 within a branch) and the far (.6 to .8) of the syntactic distances of URIEL+.
UNKNOWN_DISTANCE: Final = 0.5


def pair(first: LanguageCode, second: LanguageCode) -> Pair:
    """Return the key of two languages in `Distances`."""
    return (first, second) if first < second else (second, first)


def distance(first: LanguageCode, second: LanguageCode, known: Distances, metrics: Sequence[str]) -> float:
    """Return the mean over those metrics that are known for a pair, in 0..1; UNKNOWN_DISTANCE if none is."""
    if first == second:
        return 0.0
    metrics_of_pair = known.get(pair(first, second), {})
    values = [metrics_of_pair[metric] for metric in metrics if metric in metrics_of_pair]
    return sum(values) / len(values) if values else UNKNOWN_DISTANCE


def proximity(target: LanguageCode, source: LanguageCode, known: Distances, plan: Aggregation) -> float:
    """Return g(target, source) in (0, 1]: what an update from `source` is worth to `target`; 1 for a language itself.

    `und`, the prompt for languages not yet seen, listens to all alike.
    """
    if plan.proximity == "uniform" or UNDETERMINED in (target, source):
        return 1.0
    # exp underflows to zero for tiny temperatures, and zero would divide by zero where nobody else is active.
    return max(math.exp(-distance(target, source, known, plan.metrics) / plan.temperature), 1e-12)


def proximities(
    targets: Sequence[LanguageCode], sources: Sequence[LanguageCode], known: Distances, plan: Aggregation
) -> NDArray[np.float64]:
    """Return g for all pairs, [targets, sources]."""
    table = {(target, source): 0.0 for target in targets for source in sources}
    for target, source in table:
        table[target, source] = proximity(target, source, known, plan)
    return np.array([[table[target, source] for source in sources] for target in targets], dtype=np.float64)
