"""What a model is trained for, and measured by: the right label, or the next token of a completion."""

from typing import Final, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

from mfpt_edge.backbone.load import Decoder
from mfpt_edge.tuning.batches import Batch, lower
from mfpt_edge.tuning.model import PromptModel

SCORED_AT_ONCE: Final = 128
"""Scores of so many tokens are held at once: a vocabulary has up to 256,000 of them."""


class Outcome(NamedTuple):
    """How a model did on a batch.

    Attributes:
        losses: [batch] cross-entropy; of a completion, the mean over its tokens.
        right: [batch] bool; of a completion, whether the model would write just that, its end included. Where every
            next token is the most probable one, writing token by token comes to the same.
    """

    losses: Tensor
    right: Tensor


def outcome(model: PromptModel, batch: Batch) -> Outcome:
    """Run a batch, and compare with what is known of it."""
    decoder = model.backbone.decoder
    if decoder is None:
        scores = logits(model, batch)
        return Outcome(cross_entropy(scores, batch.labels, reduction="none"), scores.argmax(dim=1) == batch.labels)
    return _completions(decoder, model.states(lower(model, batch), batch.mask), batch)


def logits(model: PromptModel, batch: Batch) -> Tensor:
    """Return [batch, labels], from the cached activations where there are any."""
    return model.upper(lower(model, batch), batch.mask)


def _completions(decoder: Decoder, states: Tensor, batch: Batch) -> Outcome:
    """Compare completions, which begin at `batch.labels` and end where the mask does."""
    places = torch.arange(batch.ids.shape[1] - 1, device=batch.ids.device)
    # The state before a token is what it is predicted from.
    wanted = batch.mask[:, 1:] & (places + 1 >= batch.labels[:, None])
    found, expected = states[:, :-1][wanted], batch.ids[:, 1:][wanted]
    spans = zip(torch.split(found, SCORED_AT_ONCE), torch.split(expected, SCORED_AT_ONCE), strict=True)
    parts = [checkpoint(_token_outcome, decoder, *span, use_reentrant=False) for span in spans]
    losses, right = (torch.cat(each) for each in zip(*parts, strict=True))
    example = torch.arange(len(batch.ids), device=batch.ids.device)[:, None].expand_as(wanted)[wanted]
    counts = wanted.sum(dim=1)
    total = torch.zeros(len(batch.ids), device=losses.device).index_add(0, example, losses)
    hits = torch.zeros_like(counts).index_add(0, example, right.long())
    return Outcome(total / counts, hits == counts)


def _token_outcome(decoder: Decoder, states: Tensor, expected: Tensor) -> tuple[Tensor, Tensor]:
    scores = decoder.logits(states)
    return cross_entropy(scores, expected, reduction="none"), scores.argmax(dim=1) == expected
