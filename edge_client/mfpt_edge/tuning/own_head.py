"""A device's own head on what the federation's prompt gives, drawn to the federation's head; see `own_share`."""

from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from mfpt_edge.tuning.objective import Decisions
from mfpt_edge.tuning.ridge_head import Head
from mfpt_shared.device.own_share import strength_of

# As many examples pull at a head as a penalty of one mean squared length of the centred features does. Measured: the
# best strengths of MasakhaPOS, AfriSenti and SIB-200 are then those that a federation of so many examples is worth.
_EXAMPLES_OF_A_PENALTY: Final = 300.0
# The bias holds how frequent the labels are, which differs between languages far more than what they mean.
_BIAS_PENALTY: Final = 1.0
# More answers take time and change little: only every second, every third and so on is fitted to.
_FITTED: Final = 2000
_ITERATIONS: Final = 60
# A head that grows from zeros is less sure of itself than it could be, in the first versions above all.
_SCALES: Final = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0)


def fit(known: Decisions, federated: Head, share: float, answers: int) -> Head:
    """Return the head of an own share: multinomial logistic regression, drawn to a federated head.

    It is found on the CPU, wherever the model is: a search of many small steps waits for a GPU at each of them.

    Args:
        known: Answers to fit to.
        federated: Head to start from.
        share: Own share; at 0, the federated head is returned as it is.
        answers: Number of answers in all of the device's examples, which `share` refers to.
    """
    if share <= 0 or not len(known.targets):
        return federated
    every = -(-len(known.targets) // _FITTED)
    features, targets = known.features[::every].cpu().double(), known.targets[::every].cpu()
    mean = features.mean(dim=0)
    centred = features - mean
    strength = strength_of(share, answers) / _EXAMPLES_OF_A_PENALTY / every
    penalty = strength * float(centred.square().sum(dim=1).mean())
    start, bias = federated.weight.cpu().double(), federated.bias.cpu().double()
    _, scale = _at_best_scale(features @ start.T + bias, targets)
    start, bias = scale * start, scale * bias
    weight, bias = _minimise(centred, targets, start, bias + start @ mean, penalty, _BIAS_PENALTY / every)
    device = federated.weight.device
    return Head(weight.float().to(device), (bias - weight @ mean).float().to(device))


def loss_at_best_scale(head: Head, held: Decisions) -> float:
    """Return the mean cross-entropy of a head, however sure of itself it is: at the scale of its logits that does best.

    Heads are compared by what they tell apart. Otherwise one that is sure of itself would beat one that is right.
    """
    return _at_best_scale(head.logits(held.features), held.targets)[0]


def accuracy(head: Head, held: Decisions) -> float:
    """Return the share of answers that a head gets right."""
    return float((head.logits(held.features).argmax(dim=1) == held.targets).float().mean())


def _at_best_scale(logits: Tensor, targets: Tensor) -> tuple[float, float]:
    """Return the least mean cross-entropy, and the scale of the logits that it takes."""
    return min((float(cross_entropy(scale * logits, targets)), scale) for scale in _SCALES)


def _minimise(
    features: Tensor, targets: Tensor, weight: Tensor, bias: Tensor, penalty: float, bias_penalty: float
) -> tuple[Tensor, Tensor]:
    """Return weight and bias with the least loss, where moving away from those given has a price.

    Args:
        features: [answers, width] float64, centred.
        targets: [answers] int64.
        weight: [labels, width] float64.
        bias: [labels] float64.
        penalty: Price of a squared change of the weight.
        bias_penalty: Price of a squared change of the bias.
    """
    # In units in which both penalties are one, the steps of L-BFGS fit from the beginning.
    units = (max(1.0, penalty) ** -0.5, max(1.0, bias_penalty) ** -0.5)
    moved = [torch.zeros_like(part, requires_grad=True) for part in (weight, bias)]
    optimiser = torch.optim.LBFGS(moved, max_iter=_ITERATIONS, history_size=20, line_search_fn="strong_wolfe")

    def now() -> tuple[Tensor, Tensor]:
        return weight + units[0] * moved[0], bias + units[1] * moved[1]

    def closure() -> Tensor:
        optimiser.zero_grad()
        found = now()
        loss: Tensor = cross_entropy(features @ found[0].T + found[1], targets, reduction="sum")
        loss = loss + penalty / 2 * (units[0] * moved[0]).square().sum()
        loss = loss + bias_penalty / 2 * (units[1] * moved[1]).square().sum()
        torch.autograd.backward(loss)
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]  # torch's own decorator has no annotations
    with torch.no_grad():
        return now()
