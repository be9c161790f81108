"""Whether numbers look as if all were equally likely."""

import numpy as np
from numpy.typing import NDArray

MOST = 255 + 6 * (2 * 255) ** 0.5
"""Chi-square of 256 bins: its mean, and six standard deviations, for a test that must not fail by chance."""


def check_uniform(numbers: NDArray[np.uint16]) -> None:
    """Fail unless the high bytes are spread evenly, and the low bytes, and their differences from one to the next."""
    assert numbers.size >= 256 * 64
    following = np.roll(numbers, 1) - numbers
    for name, part in (("low", numbers & 255), ("high", numbers >> 8), ("next", following >> 8)):
        counts, expected = np.bincount(part, minlength=256), numbers.size / 256
        square = float((np.square(counts - expected) / expected).sum())
        assert square < MOST, f"{name} bytes: chi-square {square:.0f} with 255 degrees of freedom"
