"""The fold: a buffer of updates becomes a new version of every language's prompt, by one matrix product."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mfpt_coord.core.proximity import Distances, proximities
from mfpt_coord.core.staleness import polynomial
from mfpt_coord.core.state import Contribution
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.plan import Aggregation
from mfpt_shared.tensors import Array


def fold_weights(
    targets: Sequence[LanguageCode],
    buffer: Sequence[Contribution],
    active: Mapping[LanguageCode, float],
    distances: Distances,
    plan: Aggregation,
) -> NDArray[np.float64]:
    """Return what each update of a buffer moves each language's prompt by.

    With n_k examples, staleness tau_k and language j_k of update k, for target language l:

        W_lk = eta * n_k^p * s(tau_k) * g(l, j_k) / (gbar_l * sum_k n_k^p)

    gbar_l is the mean of g(l, .) over the active languages, weighted by their examples. Dividing by it and by the
    unweighted examples, not by the sum of the weights, keeps both effects: old updates move prompts less, and a buffer
    in which only distant languages reported moves a prompt less than one in which its neighbours did. A row that would
    add up to more than eta if all updates were fresh is scaled down so that it does not.

    Args:
        targets: l.
        buffer: k.
        active: language -> sum of n^p over its active devices.
        distances: between languages.
        plan: eta, p, the exponent of s, and what g is made of.

    Returns:
        [targets, updates] float64, all finite and positive.
    """
    examples = np.array([example_weight(update.header.examples, plan) for update in buffer], dtype=np.float64)
    freshness = np.array([polynomial(update.staleness, plan.staleness_exponent) for update in buffer], dtype=np.float64)
    near = proximities(targets, [update.language for update in buffer], distances, plan)
    share = np.array(list(active.values()), dtype=np.float64)
    mean_near = proximities(targets, list(active), distances, plan) @ (share / share.sum())
    fresh = near * (examples / examples.sum()) / mean_near[:, None]
    # Where only near languages reported, rows add up to more than 1, and the prompt would overshoot the updates' mean.
    # Bounded before staleness comes in, which must not be normalised away.
    overshoot = np.maximum(fresh.sum(axis=1, keepdims=True), 1.0)
    weights: NDArray[np.float64] = plan.learning_rate * fresh / overshoot * freshness
    return weights


def example_weight(examples: int, plan: Aggregation) -> float:
    """Return n^p, with n between 1 and the plan's `max_examples`: what a device claims cannot make it outweigh all."""
    return float(min(max(examples, 1), plan.max_examples) ** plan.example_exponent)


def fold(
    prompts: NDArray[np.float32], weights: NDArray[np.float64], deltas: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return `prompts + weights @ deltas`.

    Args:
        prompts: [languages, values].
        weights: [languages, updates].
        deltas: [updates, values].

    Returns:
        [languages, values] float32.
    """
    folded: NDArray[np.float32] = prompts + weights.astype(np.float32) @ deltas
    return folded


def mixture(
    target: LanguageCode,
    prompts: Mapping[LanguageCode, Array],
    contributed: Mapping[LanguageCode, int],
    distances: Distances,
    plan: Aggregation,
) -> Array:
    """Return the first prompt of a language that joins late: the mean of those that exist, near ones counting more.

    Only languages that have contributed count. Without any, all prompts are still the initial one.

    Args:
        target: the language that joins.
        prompts: language -> flat prompt, `und` among them.
        contributed: language -> examples behind its updates so far.
        distances: between languages.
        plan: what g is made of.
    """
    sources = [language for language in prompts if contributed.get(language, 0) > 0]
    if not sources:
        return prompts[UNDETERMINED]
    near = proximities([target], sources, distances, plan)[0]
    stacked = np.stack([prompts[source] for source in sources])
    mixed: Array = ((near / near.sum()) @ stacked).astype(np.float32)
    return mixed
