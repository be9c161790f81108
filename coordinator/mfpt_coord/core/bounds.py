"""The plan's bound on the length of a delta, held by the coordinator whatever a device sent."""

import math
from typing import Final

import numpy as np

from mfpt_shared.plan import Privacy
from mfpt_shared.tensors import Array

_TAIL: Final = 3.0
"""The length of Gaussian noise in d dimensions is above sqrt(d) + this many standard deviations once in 100,000."""


def bounded(delta: Array, plan: Privacy) -> Array:
    """Return a delta scaled down to the longest that an honest one is, if there is such a bound.

    That is `clip_norm`, and what noise adds to it. An honest one is longer by the rounding to 8 bits at most, and loses
    no more than that.

    Args:
        delta: [values] float32, finite.
        plan: Gives the bound; 0 means none.
    """
    longest = plan.clip_norm * (1 + plan.noise_multiplier * (math.sqrt(delta.size) + _TAIL))
    norm = float(np.linalg.norm(delta.astype(np.float64)))
    if longest == 0 or norm <= longest:
        return delta
    return (delta * (longest / norm)).astype(np.float32)
