"""Loss, training and evaluation of a prompt model: plain functions."""

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mfpt_edge.tuning.batches import EVALUATION_BATCH, Batch, Encoded, by_length, gather, iterate_rows, parts_of
from mfpt_edge.tuning.model import PromptModel
from mfpt_shared.device.trainer import Measured, Tally, score
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
    """Return the mean cross-entropy of a batch's decisions."""
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
        on_step: Function that is called after every step, and after every part of a batch that is cut; it may raise to
            cancel.
        at_once: Number of examples of a batch that are run at once, the others after them, which takes less memory;
            None: all.

    Raises:
        MfptError: The loss is not a finite number any more.
    """
    optimiser = _optimiser(model, training)
    per_epoch = math.ceil(len(encoded.ids) / training.batch_size)
    steps = training.epochs * per_epoch
    schedule = _schedule(optimiser, training, steps)
    means: list[float] = []
    for epoch in range(training.epochs):
        total = 0.0
        for index, rows in enumerate(iterate_rows(encoded, training.batch_size, rng)):
            done = epoch * per_epoch + index
            watch = partial(_report, on_step, Progress(epoch, done, steps, 0.0)) if at_once is not None else None
            optimiser.zero_grad()
            value = backward(model, parts_of(encoded, rows, at_once), encoded.decisions(rows), on_part=watch)
            optimiser.step()
            schedule.step()
            total += value * len(rows)
            _report(on_step, Progress(epoch, done + 1, steps, 0.0), value)
        means.append(total / len(encoded.ids))
    return TrainReport(means[0], means[-1], steps)


def _report(on_step: Callable[[Progress], None] | None, progress: Progress, value: float) -> None:
    if on_step is not None:
        on_step(progress._replace(loss=value))


def evaluate(model: PromptModel, encoded: Encoded) -> Measured:
    """Measure accuracy and loss, with a tally of every example; without examples, both are zero."""
    examples = len(encoded.ids)
    total, decisions = 0.0, 0
    tallies = [Tally(0, 0, 0)] * examples
    with torch.no_grad():
        for rows in by_length(encoded.lengths(), EVALUATION_BATCH):
            batch = gather(encoded, rows)
            found = model.outcome(batch)
            total, decisions = total + float(found.losses.sum()), decisions + len(found.losses)
            for row, tally in zip(rows, model.objective.tallies(found.answers, batch), strict=True):
                tallies[row] = tally
    return Measured(score(tallies), total / max(1, decisions), examples, tuple(tallies))


def backward(
    model: PromptModel, parts: Iterable[Batch], decisions: int, *, on_part: Callable[[float], None] | None = None
) -> float:
    """Run the parts of a batch of examples one after the other, add their gradients, and return the batch's loss.

    Args:
        model: Model to run.
        parts: Parts of the batch.
        decisions: Number of decisions that all parts ask for; see `Encoded.decisions`.
        on_part: Function that is called after every part with the mean loss so far; it may raise to cancel.

    Raises:
        MfptError: The loss is not a finite number any more.
    """
    total, seen = 0.0, 0
    for part in parts:
        losses = model.outcome(part).losses
        value = losses.sum() / max(1, decisions)
        if not torch.isfinite(value):
            raise MfptError(
                f"training diverged: the loss is {value.item()}; lower training.prompt_learning_rate or "
                "training.head_learning_rate in the plan"
            )
        torch.autograd.backward(value)
        total, seen = total + value.item(), seen + len(losses)
        if on_part is not None:
            on_part(total * decisions / max(1, seen))
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
