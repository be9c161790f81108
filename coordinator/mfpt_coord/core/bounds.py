"""The plan's bound on the length of a delta, held by the coordinator whatever a device sent."""

import numpy as np

from mfpt_shared.plan import Privacy
from mfpt_shared.tensors import Array


def bounded(delta: Array, plan: Privacy) -> Array:
    """Return a delta scaled down to `clip_norm`, if it is longer and there is such a bound.

    An honest one is longer by the rounding to 8 bits at most, and loses no more than that; or by its noise, and then
    keeps its direction. Noise is much longer than what it hides: taken as it is, it would throw every prompt away, and
    dishonest devices could go as far.

    Args:
        delta: [values] float32, finite.
        plan: Gives the bound; 0 means none.
    """
    norm = float(np.linalg.norm(delta.astype(np.float64)))
    if plan.clip_norm == 0 or norm <= plan.clip_norm:
        return delta
    return (delta * (plan.clip_norm / norm)).astype(np.float32)
