"""A head in closed form: ridge regression of the labels on what the frozen backbone and the prompt give."""

import math
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
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

    def logits(self, features: Tensor) -> Tensor:
        """Return [decisions, labels] of features [decisions, width]."""
        return features @ self.weight.T + self.bias


def solve(features: Tensor, targets: Tensor, labels: int) -> Head:
    """Return a ridge regression of centred labels on centred features.

    The heads of several devices may be averaged: the mean of their solutions does about as well as one solution on all
    their examples. So that they weigh alike, and leave the prompt something to learn, their logits are brought to one
    standard deviation.

    Args:
        features: [decisions, width] float32; at least one.
        targets: [decisions] int64, index of each right label.
        labels: Number of labels.
    """
    mean = features.mean(dim=0)
    centred = features - mean
    few = len(features) <= features.shape[1]
    weight = _dual(centred, targets, labels).T @ centred if few else _primal(centred, targets, labels).T
    weight *= _LOGIT_DEVIATION / (centred @ weight.T).std(correction=0).clamp(min=1e-6)
    return Head(weight, -(weight @ mean))


def fit(head: nn.Linear, features: Tensor, targets: Tensor) -> None:
    """Set a head to the solution for features and targets; see `solve`."""
    solved = solve(features, targets, head.out_features)
    with torch.no_grad():
        head.weight.copy_(solved.weight)
        head.bias.copy_(solved.bias)


def _dual(centred: Tensor, targets: Tensor, labels: int) -> Tensor:
    """Return the dual solution [decisions, labels] with the penalty that predicts best what it leaves out.

    Leave-one-out predictions, scaled to fit, are judged by their cross-entropy. They have a closed form in the dual,
    which has one equation for each decision.

    Source of the leave-one-out residuals: Cawley & Talbot 2003, "Efficient leave-one-out cross-validation of kernel
    Fisher discriminant classifiers", section 3, for a penalty on all but the means.
    """
    wanted = _centred_labels(targets, labels)
    values, vectors = torch.linalg.eigh(centred @ centred.T)
    rotated = vectors.T @ wanted
    best, dual = math.inf, torch.zeros_like(wanted)
    for penalty in _PENALTIES:
        ridge = penalty * values.mean().clamp(min=1e-6)
        inverse = 1 / (values.clamp(min=0) + ridge)
        candidate = vectors @ (inverse[:, None] * rotated)
        # Without the constant vector, which carries no penalty: the mean of the labels is not shrunk.
        diagonal = vectors.square() @ inverse - 1 / (len(values) * ridge)
        error = _error(wanted - candidate / diagonal.clamp(min=1e-6)[:, None], targets)
        if error < best:
            best, dual = error, candidate
    return dual


def _primal(centred: Tensor, targets: Tensor, labels: int) -> Tensor:
    """Return the solution [width, labels] as `_dual` finds it, from one equation for each feature.

    Source of the leave-one-out residuals: Allen 1974, "The relationship between variable selection and data
    augmentation and a method for prediction" (PRESS): a residual over what the hat matrix leaves of it.
    """
    wanted = _centred_labels(targets, labels)
    values, vectors = torch.linalg.eigh(centred.T @ centred)
    projected = centred @ vectors
    rotated, squares = projected.T @ wanted, projected.square()
    best, solution = math.inf, torch.zeros_like(rotated)
    for penalty in _PENALTIES:
        inverse = 1 / (values.clamp(min=0) + penalty * (values.sum() / len(centred)).clamp(min=1e-6))
        candidate = inverse[:, None] * rotated
        left = 1 - 1 / len(centred) - squares @ inverse
        error = _error(wanted - (wanted - projected @ candidate) / left.clamp(min=1e-6)[:, None], targets)
        if error < best:
            best, solution = error, candidate
    weight: Tensor = vectors @ solution
    return weight


def _centred_labels(targets: Tensor, labels: int) -> Tensor:
    wanted: Tensor = one_hot(targets, labels).float()
    return wanted - wanted.mean(dim=0)


def _error(left_out: Tensor, targets: Tensor) -> float:
    """Return the cross-entropy of leave-one-out predictions, scaled to fit."""
    return min(float(cross_entropy(scale * left_out, targets)) for scale in _SCALES)
