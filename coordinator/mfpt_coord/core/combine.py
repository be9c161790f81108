"""What a fold's deltas come to for each target language: their weighted mean, or one that bounds outliers.

    mean           sum_k w_k D_k, one matrix product
    clip           the mean, with longer deltas scaled down to the median length
    trimmed-mean   per value, the mean without the lowest and the highest share of the weight
    median         per value, the weighted median

The sum of a target's weights is how much of a step the fold is worth to it, at most 1. It is kept: equal deltas D come
out as the sum times D, whichever way they are combined, and a trimmed mean or median is of normalised weights, times
the sum. None depends on the order of the updates, but for rounding.

What outliers can do: with `mean`, anything. With `clip`, no more than deltas of the honest ones' length, while most
updates are honest (by number, whatever they weigh; of two updates, either could be the outlier, and none is clipped).
With `trimmed-mean` and `median`, no value leaves the range of the honest values, while less than `trim` or less than
half of the weight is dishonest.

Source: Yin et al. 2018, "Byzantine-robust distributed learning", definitions 1 and 2, for the median and the trimmed
mean, here with weights. That `clip` takes its bound from the lengths of the updates follows Andrew et al. 2021,
"Differentially private learning with adaptive clipping"; theirs is a private running estimate of a quantile over the
rounds, ours just the median of the one fold, without noise: it protects from outliers, and is no differential privacy.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mfpt_shared.plan import Aggregation
from mfpt_shared.tensors import Array

Weights = NDArray[np.float64]

_FEWEST_TO_CLIP: Final = 3
# The median leaves out all but this share of the weight, either side of its middle. Far above what sums of thousands
# of weights are rounded by, so that two updates between which the middle lies are averaged, whatever their order.
_SLIVER: Final = 1e-6
# Of values x targets that are worked on at a time: a handful of such float64 arrays stay in the cache.
_BLOCK: Final = 16_384


def combine(weights: Weights, deltas: Array, plan: Aggregation) -> Array:
    """Return each target's combined delta; zeros where all weights are zero.

    Args:
        weights: [targets, updates], 0 or more; rows add up to at most 1.
        deltas: [updates, values] float32, finite.
        plan: how, and what is trimmed.

    Returns:
        [targets, values] float32, a new array.
    """
    if plan.combine == "clip":
        return _product(weights * _clipping(deltas), deltas)
    if plan.combine == "trimmed-mean":
        return _trimmed_mean(weights, deltas, min(plan.trim, 0.5 - _SLIVER))
    if plan.combine == "median":
        return _trimmed_mean(weights, deltas, 0.5 - _SLIVER)
    return _product(weights, deltas)


def _product(weights: Weights, deltas: Array) -> Array:
    combined: Array = weights.astype(np.float32) @ deltas
    return combined


def _clipping(deltas: Array) -> Weights:
    """Return the factor of each delta, [updates], that brings it down to the median L2 norm; at most 1."""
    if len(deltas) < _FEWEST_TO_CLIP:
        return np.ones(len(deltas))
    norms = np.sqrt(np.einsum("uv,uv->u", deltas, deltas, dtype=np.float64))
    bound = np.median(norms)
    factors: Weights = np.divide(bound, norms, out=np.ones_like(norms), where=norms > bound)
    return factors


def _trimmed_mean(weights: Weights, deltas: Array, trim: float) -> Array:
    """Return, per value, the mean of what lies between the shares `trim` and 1 - `trim` of a target's weight.

    An update on the border counts in part. Every value's updates are sorted once, for all targets.

    Args:
        weights: [targets, updates].
        deltas: [updates, values].
        trim: 0 or more, less than a half.

    Returns:
        [targets, values], times the sums of the weights.
    """
    sums = weights.sum(axis=1)
    shares = np.ascontiguousarray((weights / np.where(sums > 0, sums, 1)[:, None]).T)
    low, high = trim, 1 - trim
    combined = np.empty((len(weights), deltas.shape[1]), np.float32)
    width = max(1, _BLOCK // len(weights))
    for start in range(0, deltas.shape[1], width):
        block = np.ascontiguousarray(deltas[:, start : start + width].T)
        ranks = block.argsort(axis=1)
        ordered = np.take_along_axis(block, ranks, axis=1).T.astype(np.float64, order="C")
        # All [values of the block, targets]: the share of the weight up to a rank, and what of it is not left out.
        reached = np.zeros((len(block), len(weights)))
        kept, mean = np.full_like(reached, low), np.zeros_like(reached)
        for update, value in zip(np.ascontiguousarray(ranks.T), ordered, strict=True):
            reached += shares[update]
            before, kept = kept, reached.clip(low, high)
            counted = kept - before
            counted *= value[:, None]
            mean += counted
        combined[:, start : start + width] = (mean * (sums / (high - low))).T
    return combined
