"""A head in closed form: ridge regression on the features that the frozen backbone and the prompt give."""

import math
from typing import Final

import torch
from torch import Tensor

from mfpt_edge.tuning.batches import EVALUATION_BATCH, Encoded, by_length, gather, lower
from mfpt_edge.tuning.model import PromptModel

# The head's equations grow with the square of the examples; of more than these, every second or third and so on counts.
_HEAD_EXAMPLES: Final = 2000
# Of the ridge regression, in mean squared lengths of the centred features.
_PENALTIES: Final = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
# What may make its predictions, fitted to labels of 0 and 1, large enough for the softmax.
_SCALES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
_LOGIT_DEVIATION: Final = 1.4


def solve_head(model: PromptModel, encoded: Encoded) -> None:
    """Set the head to a ridge regression of centred labels on the centred features that the prompt now gives.

    Its penalty is the one whose leave-one-out predictions, scaled to fit, have the least cross-entropy; these have a
    closed form in the dual, where there are as many equations as examples. Heads of several devices may be averaged:
    the mean of their solutions does about as well as one solution on all their examples. So that they weigh alike, and
    leave the prompt something to learn, their logits are brought to one standard deviation.

    Args:
        model: whose head is set; its prompt stays.
        encoded: at least one example.

    Source of the leave-one-out residuals: Cawley & Talbot 2003, "Efficient leave-one-out cross-validation of kernel
    Fisher discriminant classifiers", section 3, for a penalty on all but the means.
    """
    labels = len(model.plan.task.labels)
    encoded = encoded.take(range(0, len(encoded.ids), math.ceil(len(encoded.ids) / _HEAD_EXAMPLES)))
    pooled = features(model, encoded)
    mean = pooled.mean(dim=0)
    centred = pooled - mean
    targets = torch.nn.functional.one_hot(encoded.labels, labels).to(pooled.dtype)
    targets = targets - targets.mean(dim=0)
    values, vectors = torch.linalg.eigh(centred @ centred.T)
    rotated = vectors.T @ targets
    best, dual = math.inf, torch.zeros_like(targets)
    for penalty in _PENALTIES:
        ridge = penalty * values.mean().clamp(min=1e-6)
        inverse = 1 / (values.clamp(min=0) + ridge)
        candidate = vectors @ (inverse[:, None] * rotated)
        # Without the constant vector, which carries no penalty: the mean of the labels is not shrunk.
        diagonal = vectors.square() @ inverse - 1 / (len(values) * ridge)
        left_out = targets - candidate / diagonal.clamp(min=1e-6)[:, None]
        for scale in _SCALES:
            error = float(torch.nn.functional.cross_entropy(scale * left_out, encoded.labels))
            if error < best:
                best, dual = error, candidate
    weight = dual.T @ centred
    weight *= _LOGIT_DEVIATION / (centred @ weight.T).std(correction=0).clamp(min=1e-6)
    assert model.head is not None
    with torch.no_grad():
        model.head.weight.copy_(weight)
        model.head.bias.copy_(-(weight @ mean))


def features(model: PromptModel, encoded: Encoded) -> Tensor:
    """Return what the head sees of every example, [examples, width] float32, in their order."""
    found = torch.empty(len(encoded.ids), model.backbone.width, device=encoded.device)
    with torch.no_grad():
        for rows in by_length(encoded.lengths(), EVALUATION_BATCH):
            batch = gather(encoded, rows)
            found[rows] = model.pooled(lower(model, batch), batch.mask)
    return found
