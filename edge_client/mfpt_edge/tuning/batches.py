"""Examples as tokens, with what the frozen lower layers make of them, and batches of these."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mfpt_edge.backbone.padding import pad
from mfpt_edge.tuning.model import PromptModel
from mfpt_edge.tuning.tokens import tokenise

if TYPE_CHECKING:
    from mfpt_edge.data.example import Example

CACHE_BYTES: Final = 256 * 2**20

EVALUATION_BATCH: Final = 32
"""Examples that are run at once where no gradients are kept."""
# Sorting by length saves padding; a little noise on the lengths keeps the company of an example changing.
_LENGTH_NOISE: Final = 0.15


class Encoded(NamedTuple):
    """Examples as tokens, with what the frozen lower layers make of them.

    Attributes:
        ids: token ids of every example.
        labels: [examples] int64; see `sequences.Sequences`.
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


def encode(model: PromptModel, examples: "Sequence[Example]", *, cache_bytes: int = CACHE_BYTES) -> Encoded:
    """Tokenise examples and run them through the lower layers once.

    Args:
        model: see `sequences.tokenise`.
        examples: see there.
        cache_bytes: if the activations would take more, they are computed anew for every batch instead.
    """
    backbone = model.backbone
    ids, known = tokenise(model, examples)
    labels = torch.tensor(known, dtype=torch.int64, device=backbone.device)
    ends = np.cumsum([len(tokens) for tokens in ids]).tolist()
    encoded = Encoded(ids, labels, backbone.tokenizer.pad_id, backbone.device, None, [0, *ends[:-1]])
    if not ids or 2 * ends[-1] * backbone.width > cache_bytes:
        return encoded
    hidden = torch.empty(ends[-1], backbone.width, dtype=torch.float16, device=backbone.device)
    try:
        for start, states in activations(model, encoded):
            hidden[start : start + len(states)] = states
    except OverflowError:
        return encoded
    return encoded._replace(hidden=hidden)


def activations(model: PromptModel, encoded: Encoded) -> Iterator[tuple[int, Tensor]]:
    """Compute what belongs into `hidden`: for every example, its first row and its rows [tokens, width] float16.

    Raises:
        OverflowError: a state is beyond float16, as those of some decoders may be; they are better not kept.
    """
    for rows in by_length(encoded.lengths(), EVALUATION_BATCH):
        batch = gather(encoded._replace(hidden=None), rows)
        for row, states in zip(rows, lower(model, batch), strict=True):
            kept = states[: len(encoded.ids[row])].half()
            if not torch.isfinite(kept).all():
                raise OverflowError("a state is beyond half precision")
            yield encoded.starts[row], kept


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


def lower(model: PromptModel, batch: Batch) -> Tensor:
    """Return what the lower layers make of a batch, [batch, tokens, width]; from the cache where there is one."""
    return model.lower(batch.ids, batch.mask) if batch.hidden is None else batch.hidden


def iterate_batches(encoded: Encoded, batch_size: int, rng: np.random.Generator) -> Iterator[Batch]:
    """Yield every example once, in random batches of similar length."""
    lengths = encoded.lengths() * rng.uniform(1 - _LENGTH_NOISE, 1 + _LENGTH_NOISE, len(encoded.ids))
    # Shuffling first breaks ties, which are many where texts are short.
    order = rng.permutation(len(lengths))
    batches = [order[rows] for rows in by_length(lengths[order], batch_size)]
    for at in rng.permutation(len(batches)):
        yield gather(encoded, batches[at].tolist())


def by_length(lengths: NDArray[np.generic], batch_size: int) -> list[list[int]]:
    """Cut the examples, sorted by length, into batches of indices."""
    order = np.argsort(lengths, kind="stable").tolist()
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
