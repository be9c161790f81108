"""From examples to what training reads: their tokens, and what the frozen lower layers make of these."""

from collections.abc import Iterator, Sequence
from typing import Final

import torch
from torch import Tensor

from mfpt_edge.data.example import Example
from mfpt_edge.tuning.batches import EVALUATION_BATCH, Encoded, by_length, gather, starts_of
from mfpt_edge.tuning.model import PromptModel

HELD_BYTES: Final = 256 * 2**20
"""Memory that the lower activations of one set of examples may take; beyond it, every batch computes its own."""


def encode(model: PromptModel, examples: Sequence[Example]) -> Encoded:
    """Tokenise examples, and hold their lower activations in memory."""
    return with_activations(model, tokenise(model, examples))


def tokenise(model: PromptModel, examples: Sequence[Example]) -> Encoded:
    """Return examples as tokens, without activations."""
    backbone = model.backbone
    ids, targets = model.objective.tokenise(examples)
    return Encoded(ids, targets.to(backbone.device), backbone.tokenizer.pad_id, backbone.device, None, starts_of(ids))


def with_activations(model: PromptModel, encoded: Encoded, limit: int = HELD_BYTES) -> Encoded:
    """Run tokenised examples through the lower layers once, and hold the activations in memory.

    Args:
        model: Backbone and prompt.
        encoded: Examples without activations.
        limit: Bytes that the activations may take.

    Returns:
        The examples with their activations; or as they were, where these take too much or are beyond float16.
    """
    shape = (sum(map(len, encoded.ids)), model.backbone.width)
    if not encoded.ids or torch.float16.itemsize * shape[0] * shape[1] > limit:
        return encoded
    hidden = torch.empty(shape, dtype=torch.float16, device=encoded.device)
    try:
        for start, states in activations(model, encoded):
            hidden[start : start + len(states)] = states
    except OverflowError:
        return encoded
    return encoded._replace(hidden=hidden)


def activations(model: PromptModel, encoded: Encoded) -> Iterator[tuple[int, Tensor]]:
    """Compute lower activations: for every example its first row in `hidden`, and its rows [tokens, width] float16.

    Raises:
        OverflowError: An activation is beyond float16, as those of some decoders may be; they are better not kept.
    """
    for rows in by_length(encoded.lengths(), EVALUATION_BATCH):
        batch = gather(encoded._replace(hidden=None), rows)
        for row, states in zip(rows, model.lower(batch.ids, batch.mask), strict=True):
            kept = states[: len(encoded.ids[row])].half()
            if not torch.isfinite(kept).all():
                raise OverflowError("an activation is beyond half precision")
            yield encoded.starts[row], kept
