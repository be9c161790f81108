"""Noise has exactly the distribution that the accountant reckons with."""

import math
import random
import secrets
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from mfpt_shared.masking.noise import discrete_gaussian

DRAWS = 20_000


def drawn(variance: Fraction, seed: int = 5, count: int = DRAWS) -> NDArray[np.int64]:
    return discrete_gaussian(count, variance, random.Random(seed).randbytes)


def expected(variance: Fraction, furthest: int) -> dict[int, float]:
    """Return the probability of each integer up to a distance from 0."""
    weights = {x: math.exp(-x * x / (2 * float(variance))) for x in range(-40, 41)}
    return {x: weights[x] / sum(weights.values()) for x in range(-furthest, furthest + 1)}


@pytest.mark.parametrize("variance", [Fraction(1, 2), Fraction(7, 3), Fraction(4)], ids=str)
def test_every_integer_comes_as_often_as_its_probability_says(variance: Fraction) -> None:
    values, furthest = drawn(variance), 3
    probabilities = expected(variance, furthest)

    counts = {x: int((values == x).sum()) for x in probabilities}
    counts[furthest + 1] = DRAWS - sum(counts.values())
    probabilities[furthest + 1] = 1 - sum(probabilities.values())

    statistic = sum((counts[x] - DRAWS * p) ** 2 / (DRAWS * p) for x, p in probabilities.items())
    assert statistic < 24.3, "99.9 % of chi-squared with 7 degrees of freedom"


def test_a_wide_distribution_has_the_moments_of_a_gaussian() -> None:
    values = drawn(Fraction(256**2)) / 256

    margin = 4 / math.sqrt(DRAWS)
    assert abs(values.mean()) < margin
    assert abs((values**2).mean() - 1) < margin * math.sqrt(2)
    assert abs((values**3).mean()) < margin * math.sqrt(15)
    assert abs((values**4).mean() - 3) < margin * math.sqrt(96)


def test_neighbouring_draws_have_nothing_to_do_with_each_other() -> None:
    values = drawn(Fraction(256**2)) / 256

    assert abs((values[1:] * values[:-1]).mean()) < 4 / math.sqrt(DRAWS)


def test_the_same_randomness_gives_the_same_noise_and_another_gives_another() -> None:
    first, again, other = (drawn(Fraction(100), seed, 50).tolist() for seed in (1, 1, 2))

    assert first == again
    assert first != other


def test_noise_without_variance_is_refused() -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        discrete_gaussian(1, Fraction(0), secrets.token_bytes)
