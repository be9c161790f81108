"""Many tests at once: what is left of small p-values, and how many of them chance alone gives."""

import math
from collections.abc import Sequence
from typing import Final

LEVEL: Final = 0.05


def holm(p_values: Sequence[float]) -> list[float]:
    """Return adjusted p-values, in the order given: with those below .05, chance gives even one in a study of twenty.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6.
    """
    adjusted = [1.0] * len(p_values)
    least = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = least
    return adjusted


def most_by_chance(tests: int, level: float = LEVEL) -> int:
    """Return how many of independent tests fall below a level in nineteen studies of twenty without any effect.

    This is the 95 % quantile of a binomial distribution.
    """
    reached = 0.0
    for count in range(tests + 1):
        reached += math.comb(tests, count) * level**count * (1 - level) ** (tests - count)
        if reached >= 0.95:
            return count
    return tests
