"""A head in closed form: ridge regression of the labels on what the frozen backbone and the prompt give."""

import math
from typing import Final, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

# In mean squared lengths of the centred features.
_PENALTIES: Final = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
# What may make the predictions, fitted to labels of 0 and 1, large enough for the softmax.
_SCALES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
_LOGIT_DEVIATION: Final = 1.4


class Head(NamedTuple):
    """A linear head.

    Attributes:
        weight: [labels, width] float32.
        bias: [labels] float32.
    """

    weight: Tensor
    bias: Tensor


def solve(features: Tensor, targets: Tensor, labels: int) -> Head:
    """Return a ridge regression of centred labels on centred features.

    The heads of several devices may be averaged: the mean of their solutions does about as well as one solution on all
    their examples. So that they weigh alike, and leave the prompt something to learn, their logits are brought to one
    standard deviation.

    Args:
        features: [examples, width] float32; at least one example.
        targets: [examples] int64, index of each example's label.
        labels: Number of labels.
    """
    mean = features.mean(dim=0)
    centred = features - mean
    weight = _dual(centred, targets, labels).T @ centred
    weight *= _LOGIT_DEVIATION / (centred @ weight.T).std(correction=0).clamp(min=1e-6)
    return Head(weight, -(weight @ mean))


def _dual(centred: Tensor, targets: Tensor, labels: int) -> Tensor:
    """Return the dual solution [examples, labels] with the penalty that predicts best what it leaves out.

    Leave-one-out predictions, scaled to fit, are judged by their cross-entropy. They have a closed form in the dual,
    which has one equation for each example.

    Source of the leave-one-out residuals: Cawley & Talbot 2003, "Efficient leave-one-out cross-validation of kernel
    Fisher discriminant classifiers", section 3, for a penalty on all but the means.
    """
    wanted = one_hot(targets, labels).to(centred.dtype)
    wanted = wanted - wanted.mean(dim=0)
    values, vectors = torch.linalg.eigh(centred @ centred.T)
    rotated = vectors.T @ wanted
    best, dual = math.inf, torch.zeros_like(wanted)
    for penalty in _PENALTIES:
        ridge = penalty * values.mean().clamp(min=1e-6)
        inverse = 1 / (values.clamp(min=0) + ridge)
        candidate = vectors @ (inverse[:, None] * rotated)
        # Without the constant vector, which carries no penalty: the mean of the labels is not shrunk.
        diagonal = vectors.square() @ inverse - 1 / (len(values) * ridge)
        left_out = wanted - candidate / diagonal.clamp(min=1e-6)[:, None]
        for scale in _SCALES:
            error = float(cross_entropy(scale * left_out, targets))
            if error < best:
                best, dual = error, candidate
    return dual
