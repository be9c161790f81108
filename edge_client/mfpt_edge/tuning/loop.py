"""Loss, training and evaluation of a prompt model: plain functions."""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mfpt_edge.tuning.batches import EVALUATION_BATCH, Batch, Encoded, by_length, gather, iterate_rows, parts_of
from mfpt_edge.tuning.model import PromptModel
from mfpt_shared.device.trainer import Measured
from mfpt_shared.errors import MfptError
from mfpt_shared.plan import Training


class Progress(NamedTuple):
    """How far training is, after a step.

    Attributes:
        epoch: Number of the epoch, counted from 0.
        step: Number of steps done, over all epochs.
        steps: Number of steps in all.
        loss: Loss of this step.
    """

    epoch: int
    step: int
    steps: int
    loss: float


class TrainReport(NamedTuple):
    """What training did.

    Attributes:
        first_loss: Mean loss of the first epoch.
        last_loss: Mean loss of the last epoch.
        steps: Number of optimiser steps.
    """

    first_loss: float
    last_loss: float
    steps: int


def loss(model: PromptModel, batch: Batch) -> Tensor:
    """Return the mean cross-entropy of a batch."""
    return model.outcome(batch).losses.mean()


def train(
    model: PromptModel,
    encoded: Encoded,
    training: Training,
    *,
    rng: np.random.Generator,
    on_step: Callable[[Progress], None] | None = None,
    at_once: int | None = None,
) -> TrainReport:
    """Tune prompt and head in place.

    Args:
        model: Model to start from; its frozen weights are left alone.
        encoded: Training examples, at least one.
        training: Epochs, batch size and optimiser.
        rng: Order of the examples, the only randomness.
        on_step: Function that is called after every step; it may raise to cancel.
        at_once: Number of examples of a batch that are run at once, the others after them, which takes less memory;
            None: all.

    Raises:
        MfptError: The loss is not a finite number any more.
    """
    optimiser = _optimiser(model, training)
    per_epoch = math.ceil(len(encoded.ids) / training.batch_size)
    schedule = _schedule(optimiser, training, training.epochs * per_epoch)
    means: list[float] = []
    for epoch in range(training.epochs):
        total = 0.0
        for index, rows in enumerate(iterate_rows(encoded, training.batch_size, rng), start=1):
            value = _step(model, parts_of(encoded, rows, at_once), len(rows), optimiser)
            schedule.step()
            total += value * len(rows)
            if on_step is not None:
                on_step(Progress(epoch, epoch * per_epoch + index, training.epochs * per_epoch, value))
        means.append(total / len(encoded.ids))
    return TrainReport(means[0], means[-1], training.epochs * per_epoch)


def evaluate(model: PromptModel, encoded: Encoded) -> Measured:
    """Measure accuracy and loss; without examples, both are zero."""
    examples = len(encoded.ids)
    if not examples:
        return Measured(0.0, 0.0, 0)
    right, total = 0, 0.0
    with torch.no_grad():
        for rows in by_length(encoded.lengths(), EVALUATION_BATCH):
            found = model.outcome(gather(encoded, rows))
            right, total = right + int(found.right.sum()), total + float(found.losses.sum())
    return Measured(right / examples, total / examples, examples)


def _step(model: PromptModel, parts: Iterable[Batch], examples: int, optimiser: torch.optim.Optimizer) -> float:
    optimiser.zero_grad()
    total = backward(model, parts, examples)
    optimiser.step()
    return total


def backward(model: PromptModel, parts: Iterable[Batch], examples: int) -> float:
    """Run the parts of a batch of examples one after the other, add their gradients, and return the batch's loss.

    Raises:
        MfptError: The loss is not a finite number any more.
    """
    total = 0.0
    for part in parts:
        value = loss(model, part) * (len(part.targets) / examples)
        if not torch.isfinite(value):
            raise MfptError(
                f"training diverged: the loss is {value.item()}; lower training.prompt_learning_rate or "
                "training.head_learning_rate in the plan"
            )
        torch.autograd.backward(value)
        total += value.item()
    return total


def _schedule(optimiser: torch.optim.Optimizer, training: Training, steps: int) -> torch.optim.lr_scheduler.LambdaLR:
    falling = training.schedule == "linear"
    return torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 - step / steps if falling else 1.0)


def _optimiser(model: PromptModel, training: Training) -> torch.optim.AdamW:
    tensors = model.tensors()
    head = [part for name, part in tensors.items() if name.startswith("head.")]
    prompt = [part for name, part in tensors.items() if not name.startswith("head.")]
    return torch.optim.AdamW(
        [
            {"params": prompt, "lr": training.prompt_learning_rate},
            {"params": head, "lr": training.head_learning_rate},
        ],
        weight_decay=training.weight_decay,
    )
