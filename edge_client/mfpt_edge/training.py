"""Batches, loss, training and evaluation of a prompt model: plain functions."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mfpt_edge.prompt import PromptModel, pad
from mfpt_shared.errors import MfptError
from mfpt_shared.plan import Training

if TYPE_CHECKING:
    from mfpt_edge.splits import Example

CACHE_BYTES: Final = 256 * 2**20

_EVALUATION_BATCH: Final = 32
# The head's equations grow with the square of the examples; of more than these, every second or third and so on counts.
_HEAD_EXAMPLES: Final = 2000
# Of the ridge regression, in mean squared lengths of the centred features.
_PENALTIES: Final = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
# What may make its predictions, fitted to labels of 0 and 1, large enough for the softmax.
_SCALES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
_LOGIT_DEVIATION: Final = 1.4
# Sorting by length saves padding; a little noise on the lengths keeps the company of an example changing.
_LENGTH_NOISE: Final = 0.15


class Encoded(NamedTuple):
    """Examples as tokens, with what the frozen lower layers make of them.

    Attributes:
        ids: token ids of every example.
        labels: [examples] int64.
        pad_id: fills up a batch.
        device: where batches are made.
        hidden: [sum of lengths, width] float16, all tokens of all examples in a row; None if it would take too much.
        starts: [examples] first row of every example in `hidden`.
    """

    ids: list[list[int]]
    labels: Tensor
    pad_id: int
    device: torch.device
    hidden: Tensor | None
    starts: list[int]

    def lengths(self) -> NDArray[np.int64]:
        """Return the tokens of every example."""
        return np.array([len(ids) for ids in self.ids], np.int64)

    def take(self, rows: Sequence[int]) -> "Encoded":
        """Return some of the examples; the activations are shared, not copied."""
        ids, starts = [self.ids[row] for row in rows], [self.starts[row] for row in rows]
        return self._replace(ids=ids, labels=self.labels[list(rows)], starts=starts)


class Batch(NamedTuple):
    """Some examples, padded to about the longest of them.

    Attributes:
        ids: [batch, tokens] int64.
        mask: [batch, tokens] bool, true on real tokens.
        hidden: [batch, tokens, width] cached lower activations, if there are any.
        labels: [batch] int64.
    """

    ids: Tensor
    mask: Tensor
    hidden: Tensor | None
    labels: Tensor


class Progress(NamedTuple):
    """Where training stands, after a step.

    Attributes:
        epoch: counted from 0.
        step: steps done, over all epochs.
        steps: steps in all.
        loss: of this step.
    """

    epoch: int
    step: int
    steps: int
    loss: float


class TrainReport(NamedTuple):
    """What training did.

    Attributes:
        first_loss: mean over the first epoch.
        last_loss: mean over the last epoch.
        steps: optimiser steps.
    """

    first_loss: float
    last_loss: float
    steps: int


class Evaluation(NamedTuple):
    """How good a model is on some examples.

    Attributes:
        accuracy: share of right answers.
        loss: mean cross-entropy.
        examples: their number.
    """

    accuracy: float
    loss: float
    examples: int


def encode(model: PromptModel, examples: "Sequence[Example]", *, cache_bytes: int = CACHE_BYTES) -> Encoded:
    """Tokenise examples and run them through the lower layers once.

    Args:
        model: its plan gives the prefix and the longest text.
        examples: text and label index.
        cache_bytes: if the activations would take more, they are computed anew for every batch instead.
    """
    backbone = model.backbone
    prefix = model.plan.backbone.prefix
    ids = backbone.tokenizer.encode([prefix + example.text for example in examples], model.max_tokens)
    labels = torch.tensor([example.label for example in examples], dtype=torch.int64, device=backbone.device)
    ends = np.cumsum([len(tokens) for tokens in ids]).tolist()
    encoded = Encoded(ids, labels, backbone.tokenizer.pad_id, backbone.device, None, [0, *ends[:-1]])
    if not ids or 2 * ends[-1] * backbone.width > cache_bytes:
        return encoded
    hidden = torch.empty(ends[-1], backbone.width, dtype=torch.float16, device=backbone.device)
    for rows in _by_length(encoded.lengths(), _EVALUATION_BATCH):
        batch = gather(encoded, rows)
        lower = model.lower(batch.ids, batch.mask)
        for row, states in zip(rows, lower, strict=True):
            length = len(ids[row])
            hidden[encoded.starts[row] : encoded.starts[row] + length] = states[:length]
    return encoded._replace(hidden=hidden)


def concatenate(parts: Sequence[Encoded]) -> Encoded:
    """Return the examples of several sets as one; a single set is returned as it is."""
    if len(parts) == 1:
        return parts[0]
    ids = [tokens for part in parts for tokens in part.ids]
    hidden = None
    if all(part.hidden is not None for part in parts):
        spans = [
            part.hidden[start : start + len(tokens)]
            for part in parts
            if part.hidden is not None
            for start, tokens in zip(part.starts, part.ids, strict=True)
        ]
        hidden = torch.cat(spans) if spans else None
    ends = np.cumsum([len(tokens) for tokens in ids]).tolist()
    return parts[0]._replace(
        ids=ids, labels=torch.cat([part.labels for part in parts]), hidden=hidden, starts=[0, *ends[:-1]]
    )


def gather(encoded: Encoded, rows: Sequence[int]) -> Batch:
    """Return some examples as a batch."""
    ids, mask = pad([encoded.ids[row] for row in rows], encoded.pad_id, encoded.device)
    hidden = None
    if encoded.hidden is not None:
        spans = [slice(encoded.starts[row], encoded.starts[row] + len(encoded.ids[row])) for row in rows]
        hidden = encoded.hidden.new_zeros(*ids.shape, encoded.hidden.shape[1])
        hidden[mask] = torch.cat([encoded.hidden[span] for span in spans])
    return Batch(ids, mask, hidden, encoded.labels[list(rows)])


def iterate_batches(encoded: Encoded, batch_size: int, rng: np.random.Generator) -> Iterator[Batch]:
    """Yield every example once, in random batches of similar length."""
    lengths = encoded.lengths() * rng.uniform(1 - _LENGTH_NOISE, 1 + _LENGTH_NOISE, len(encoded.ids))
    # Shuffling first breaks ties, which are many where texts are short.
    order = rng.permutation(len(lengths))
    batches = [order[rows] for rows in _by_length(lengths[order], batch_size)]
    for at in rng.permutation(len(batches)):
        yield gather(encoded, batches[at].tolist())


def logits(model: PromptModel, batch: Batch) -> Tensor:
    """Return [batch, labels], from the cached activations where there are any."""
    hidden = model.lower(batch.ids, batch.mask) if batch.hidden is None else batch.hidden
    return model.upper(hidden, batch.mask)


def loss(model: PromptModel, batch: Batch) -> Tensor:
    """Return the mean cross-entropy of a batch."""
    return torch.nn.functional.cross_entropy(logits(model, batch), batch.labels)


def train(
    model: PromptModel,
    encoded: Encoded,
    training: Training,
    *,
    rng: np.random.Generator,
    on_step: Callable[[Progress], None] | None = None,
) -> TrainReport:
    """Tune prompt and head in place.

    Args:
        model: where to start from; frozen weights are left alone.
        encoded: at least one example.
        training: epochs, batch size and optimiser.
        rng: order of the examples; the only randomness.
        on_step: called after every step; may raise to cancel.

    Raises:
        MfptError: the loss is no number any more.
    """
    optimiser = _optimiser(model, training)
    per_epoch = math.ceil(len(encoded.ids) / training.batch_size)
    means: list[float] = []
    for epoch in range(training.epochs):
        total = 0.0
        for index, batch in enumerate(iterate_batches(encoded, training.batch_size, rng), start=1):
            value = _step(model, batch, optimiser)
            total += value * len(batch.labels)
            if on_step is not None:
                on_step(Progress(epoch, epoch * per_epoch + index, training.epochs * per_epoch, value))
        means.append(total / len(encoded.ids))
    return TrainReport(means[0], means[-1], training.epochs * per_epoch)


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
    with torch.no_grad():
        model.head.weight.copy_(weight)
        model.head.bias.copy_(-(weight @ mean))


def evaluate(model: PromptModel, encoded: Encoded) -> Evaluation:
    """Measure accuracy and loss; of no examples at all, both are zero."""
    examples = len(encoded.ids)
    if not examples:
        return Evaluation(0.0, 0.0, 0)
    scores = predict(model, encoded)
    right = int((scores.argmax(dim=1) == encoded.labels).sum())
    value = float(torch.nn.functional.cross_entropy(scores, encoded.labels))
    return Evaluation(right / examples, value, examples)


def predict(model: PromptModel, encoded: Encoded) -> Tensor:
    """Return logits [examples, labels] float32, in the order of the examples."""
    scores = torch.empty(len(encoded.ids), len(model.plan.task.labels), device=encoded.device)
    with torch.no_grad():
        for rows in _by_length(encoded.lengths(), _EVALUATION_BATCH):
            scores[rows] = logits(model, gather(encoded, rows))
    return scores


def features(model: PromptModel, encoded: Encoded) -> Tensor:
    """Return what the head sees of every example, [examples, width] float32, in their order."""
    found = torch.empty(len(encoded.ids), model.backbone.width, device=encoded.device)
    with torch.no_grad():
        for rows in _by_length(encoded.lengths(), _EVALUATION_BATCH):
            batch = gather(encoded, rows)
            hidden = model.lower(batch.ids, batch.mask) if batch.hidden is None else batch.hidden
            found[rows] = model.pooled(hidden, batch.mask)
    return found


def _step(model: PromptModel, batch: Batch, optimiser: torch.optim.Optimizer) -> float:
    optimiser.zero_grad()
    value = loss(model, batch)
    if not torch.isfinite(value):
        raise MfptError(
            f"training diverged: the loss is {value.item()}; lower training.prompt_learning_rate or "
            "training.head_learning_rate in the plan"
        )
    value.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    return value.item()


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


def _by_length(lengths: NDArray[np.generic], batch_size: int) -> list[list[int]]:
    """Cut the examples, sorted by length, into batches of indices."""
    order = np.argsort(lengths, kind="stable").tolist()
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
