"""Discrete Gaussian noise, drawn exactly.

Floating-point noise gives away in its last bits what it was added to (Mironov 2012). Here every draw is made of uniform
integers by comparing integers, so that the probability of each value is the one that the accountant reckons with. How
long a draw takes depends on its value, but nobody outside the device can time a single one.

Source: Canonne, Kamath, Steinke 2020, "The discrete Gaussian for differential privacy", algorithms 1 to 3.
"""

import math
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mfpt_shared.masking.cohort import Randomness

_BLOCK_BYTES: Final = 4096


def discrete_gaussian(count: int, variance: Fraction, randomness: Randomness) -> NDArray[np.int64]:
    """Draw independent integers x with probability proportional to exp(-x^2 / (2 variance)).

    Args:
        count: Number of integers.
        variance: Parameter of the distribution, above 0; its variance is hardly less.
        randomness: Source of uniform bytes; one that nobody can foretell, or the noise hides nothing.

    Returns:
        The integers [count].
    """
    if variance <= 0:
        raise ValueError(f"the variance of noise must be above 0, not {variance}")
    dice = _Dice(randomness)
    return np.fromiter((_gaussian(variance, dice) for _ in range(count)), np.int64, count)


class _Dice:
    """Exact random decisions, made of uniform bytes that are fetched in blocks."""

    def __init__(self, randomness: Randomness) -> None:
        self._randomness = randomness
        self._block = b""
        self._at = 0

    def below(self, limit: int) -> int:
        """Return a uniform integer in 0..limit-1; with a byte more than needed, few draws are thrown away."""
        size = limit.bit_length() // 8 + 2
        usable = (1 << 8 * size) // limit * limit
        while (drawn := self._number(size)) >= usable:
            pass
        return drawn % limit

    def _number(self, size: int) -> int:
        if self._at + size > len(self._block):
            self._block, self._at = self._randomness(max(_BLOCK_BYTES, size)), 0
        self._at += size
        return int.from_bytes(self._block[self._at - size : self._at], "little")


def _happens(numerator: int, denominator: int, dice: _Dice) -> bool:
    """Return True with probability exp(-numerator / denominator); algorithm 1."""
    while numerator > denominator:
        if not _happens(1, 1, dice):
            return False
        numerator -= denominator
    tries = 1
    while dice.below(denominator * tries) < numerator:
        tries += 1
    return tries % 2 == 1


def _laplace(scale: int, dice: _Dice) -> int:
    """Draw an integer with probability proportional to exp(-|x| / scale); algorithm 2."""
    while True:
        rest = dice.below(scale)
        if not _happens(rest, scale, dice):
            continue
        whole = 0
        while _happens(1, 1, dice):
            whole += 1
        size, negative = rest + scale * whole, dice.below(2)
        if size or not negative:  # or 0 would come twice as often
            return -size if negative else size


def _gaussian(variance: Fraction, dice: _Dice) -> int:
    """Draw one integer; algorithm 3."""
    top, bottom = variance.numerator, variance.denominator
    scale = math.isqrt(top // bottom) + 1
    while True:
        drawn = _laplace(scale, dice)
        # (|x| - variance / scale)^2 / (2 variance), as a fraction of integers
        miss = abs(drawn) * scale * bottom - top
        if _happens(miss * miss, 2 * top * bottom * scale * scale, dice):
            return drawn
