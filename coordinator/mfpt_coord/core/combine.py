"""The combined delta of a fold for each target language: the weighted mean, or one that bounds outliers.

    agree          the mean of clipped deltas, in which each counts by how far the others agree (`agreement`)
    mean           sum_k w_k D_k, one matrix product
    clip           the mean, with longer deltas scaled down to the median length
    trimmed-mean   per value, the mean without the lowest and the highest share of the weight
    median         per value, the weighted median

The sum of a target's weights, at most 1, is how large a step the fold is worth to it, and every method keeps it: equal
deltas D give the sum times D, and a trimmed mean or median is taken with normalised weights and multiplied by the sum.
None of them depends on the order of the updates, except for rounding.

What outliers can do: with `agree`, little, while most updates are honest; prompt and head are clipped each for itself,
so that no one puts the whole length into the head. With `mean`, anything. With `clip`, no more than deltas of the same
length as honest ones, while most updates are honest (by number, whatever they weigh; of two updates either could be the
outlier, and neither is clipped). With `trimmed-mean` and `median`, no value leaves the range of the honest values,
while less than `trim` or less than half of the weight is dishonest.

Source: Yin et al. 2018, "Byzantine-robust distributed learning", definitions 1 and 2, for the median and the trimmed
mean, here with weights. That `clip` takes its bound from the lengths of the updates follows Andrew et al. 2021,
"Differentially private learning with adaptive clipping"; theirs is a private running estimate of a quantile over the
rounds, ours is the median of one fold, without noise: it protects against outliers and is not differential privacy.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mfpt_coord.core.agreement import agreement
from mfpt_shared.plan import Aggregation
from mfpt_shared.tensors import Array, Layout, size

Weights = NDArray[np.float64]

_FEWEST_TO_CLIP: Final = 3
# The median keeps only this share of the weight on either side of its middle. It is far larger than the rounding of a
# sum of thousands of weights, so that two updates with the middle between them are averaged, whatever their order.
_SLIVER: Final = 1e-6
# Values x targets to work on at a time: a handful of float64 arrays of this size fit into the cache.
_BLOCK: Final = 16_384
# Share of a target's weights that must be left for them to be scaled up to what they were.
_LEAST_BELIEVED: Final = 1e-9


Parts = Sequence[slice]
"""Where in a flat delta the values of one kind lie; those of different kinds are of different sizes."""


def combine(weights: Weights, deltas: Array, plan: Aggregation, parts: Parts = ()) -> Array:
    """Return each target's combined delta; zeros where all weights are zero.

    Args:
        weights: [targets, updates], 0 or more; rows add up to at most 1.
        deltas: [updates, values] float32, finite.
        plan: Names the method, and the share to trim.
        parts: Parts of a delta that `agree` clips each for itself; none: all values are one part.

    Returns:
        [targets, values] float32, a new array.
    """
    if plan.combine == "agree":
        clipped = clipped_parts(deltas, parts)
        return _agreed(weights, clipped, agreement(clipped))
    if plan.combine == "clip":
        return _product(weights * _clipping(deltas), deltas)
    if plan.combine == "trimmed-mean":
        return _trimmed_mean(weights, deltas, min(plan.trim, 0.5 - _SLIVER))
    if plan.combine == "median":
        return _trimmed_mean(weights, deltas, 0.5 - _SLIVER)
    return _product(weights, deltas)


def parts(shapes: Layout) -> Parts:
    """Return where in a flat delta the prompt and its encoder lie, and where the head; a plan may have no head."""
    tokens = size({name: shape for name, shape in shapes.items() if not name.startswith("head.")})
    values = size(shapes)
    return (slice(0, tokens), slice(tokens, values)) if tokens < values else (slice(0, values),)


def _product(weights: Weights, deltas: Array) -> Array:
    combined: Array = weights.astype(np.float32) @ deltas
    return combined


def credible(deltas: Array, plan: Aggregation, parts: Parts = ()) -> Array:
    """Return the deltas as far as the plan's method believes them: clipped, and scaled down where others disagree.

    Args:
        deltas: [updates, values] float32, finite.
        plan: Names the method.
        parts: As in `combine`.
    """
    if plan.combine == "agree":
        clipped = clipped_parts(deltas, parts)
        return (clipped * agreement(clipped)[:, None]).astype(np.float32)
    if plan.combine == "clip":
        return (deltas * _clipping(deltas)[:, None]).astype(np.float32)
    return deltas


def _agreed(weights: Weights, deltas: Array, agreed: Weights) -> Array:
    """Return the mean in which updates count by their agreement; each target's weights keep their sum."""
    kept = weights * agreed
    sums, totals = kept.sum(axis=1, keepdims=True), weights.sum(axis=1, keepdims=True)
    # What is left of a target's weights may be next to nothing, and then says nothing about it.
    believed = sums > _LEAST_BELIEVED * totals
    return _product(kept * np.where(believed, totals / np.where(believed, sums, 1), 0), deltas)


def clipped_parts(deltas: Array, parts: Parts) -> Array:
    """Return the deltas with each part brought down to its median length, so that none is all head."""
    clipped = np.empty_like(deltas)
    for part in parts or (slice(None),):
        clipped[:, part] = deltas[:, part] * _clipping(deltas[:, part])[:, None].astype(np.float32)
    return clipped


def _clipping(deltas: Array) -> Weights:
    """Return the factor, at most 1, that brings each delta down to the median L2 norm; [updates]."""
    if len(deltas) < _FEWEST_TO_CLIP:
        return np.ones(len(deltas))
    norms = np.sqrt(np.einsum("uv,uv->u", deltas, deltas, dtype=np.float64))
    # The lower of two in the middle: half of a fold cannot lift the bound for itself.
    bound = np.sort(norms)[(len(norms) - 1) // 2]
    factors: Weights = np.divide(bound, norms, out=np.ones_like(norms), where=norms > bound)
    return factors


def _trimmed_mean(weights: Weights, deltas: Array, trim: float) -> Array:
    """Return, for each value, the mean between the shares `trim` and 1 - `trim` of a target's weight.

    An update on the border counts in part. The updates are sorted once for each value, for all targets.

    Args:
        weights: [targets, updates].
        deltas: [updates, values].
        trim: Share to leave out at either end, 0 or more and less than a half.

    Returns:
        [targets, values], multiplied by the sums of the weights.
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
        # All [values of the block, targets]: the share of the weight up to a rank, and the part of it that is kept.
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
