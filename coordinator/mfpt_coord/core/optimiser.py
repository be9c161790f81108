"""The server's optimiser: how each language's combined delta, taken as a negative gradient, changes its prompt.

    sgd        prompt + eta step
    momentum   m = beta m + step;                prompt + eta m
    adam       m = beta m + (1 - beta) step
               v = beta2 v + (1 - beta2) step²;  prompt + eta m / (sqrt(v) + tau)

Source: FedAvgM, Hsu et al. 2019, section 4.3; FedAdam, Reddi et al. 2021, algorithm 2.

Like the paper's, this `adam` has no bias correction. Its v starts at 0, as all moments here do; the paper's starts at
tau² or more. A language's moments fade with every fold, even if none of its neighbours contributed to it.
"""

import numpy as np
from numpy.typing import NDArray

from mfpt_shared.plan import Aggregation
from mfpt_shared.tensors import Array

Moments = NDArray[np.float32]
"""[moments, values] for one language, or [targets, moments, values]; zeros at first."""


def moment_count(plan: Aggregation) -> int:
    """Return how many moments an optimiser keeps for each value of a prompt."""
    return {"sgd": 0, "momentum": 1, "adam": 2}[plan.optimiser]


def apply(prompts: Array, steps: Array, moments: Moments, plan: Aggregation) -> tuple[Array, Moments]:
    """Return the prompts and moments after a step; neither is written to.

    Args:
        prompts: [targets, values] float32.
        steps: Combined deltas, [targets, values] float32.
        moments: [targets, moments, values] float32; zeros, or what the last call returned.
        plan: Names the optimiser, eta, beta, beta2 and tau.

    Returns:
        [targets, values] and [targets, moments, values], float32.
    """
    if plan.optimiser == "sgd":
        return _moved(prompts, steps, plan.learning_rate), moments
    if plan.optimiser == "momentum":
        after = moments * plan.momentum
        after[:, 0] += steps
        return _moved(prompts, after[:, 0], plan.learning_rate), after
    after = moments * np.array([[plan.momentum], [plan.second_moment]], np.float32)
    after[:, 0] += (1 - plan.momentum) * steps
    after[:, 1] += (1 - plan.second_moment) * np.square(steps)
    scale = np.sqrt(after[:, 1])
    scale += plan.adaptivity
    return _moved(prompts, np.divide(after[:, 0], scale), plan.learning_rate), after


def _moved(prompts: Array, steps: Array, learning_rate: float) -> Array:
    """Return `prompts + learning_rate * steps`."""
    if learning_rate == 1:
        return prompts + steps
    moved: Array = steps * learning_rate
    moved += prompts
    return moved
