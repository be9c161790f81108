"""Tokenised examples, and batches of them; in batches, examples of similar length are neighbours, to save padding."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mfpt_edge.backbone.padding import pad

EVALUATION_BATCH: Final = 32
"""Number of examples in a batch that keeps no gradients."""
# A little noise on the lengths gives an example other neighbours in every epoch.
_LENGTH_NOISE: Final = 0.15


class Encoded(NamedTuple):
    """Examples as tokens, with their lower activations where these are kept.

    Attributes:
        ids: Token ids of every example.
        targets: [examples, ...] int64, what the objective compares with; see `objective.Tokenised`.
        pad_id: Token id that fills up a batch.
        device: Where batches are made.
        hidden: [sum of lengths, width] float16, lower activations of all tokens, one example after the other; None:
            they are computed for every batch.
        starts: [examples] first row of every example in `hidden`.
    """

    ids: list[list[int]]
    targets: Tensor
    pad_id: int
    device: torch.device
    hidden: Tensor | None
    starts: list[int]

    def lengths(self) -> NDArray[np.int64]:
        """Return the number of tokens of every example."""
        return np.array([len(ids) for ids in self.ids], np.int64)

    def decisions(self, rows: Sequence[int]) -> int:
        """Return how many decisions some of the examples ask for: one each, or one for every word that is not cut."""
        return len(rows) if self.targets.ndim == 1 else int((self.targets[list(rows), :, 0] >= 0).sum())

    def take(self, rows: Sequence[int]) -> "Encoded":
        """Return some of the examples; the activations are shared, not copied."""
        ids, starts = [self.ids[row] for row in rows], [self.starts[row] for row in rows]
        return self._replace(ids=ids, targets=self.targets[list(rows)], starts=starts)


class Batch(NamedTuple):
    """Some examples, padded to about the longest of them.

    Attributes:
        ids: [batch, tokens] int64.
        mask: [batch, tokens] bool, true on real tokens.
        hidden: [batch, tokens, width] lower activations; None: they are not kept.
        targets: [batch, ...] int64; see `objective.Tokenised`.
    """

    ids: Tensor
    mask: Tensor
    hidden: Tensor | None
    targets: Tensor


def starts_of(ids: Sequence[Sequence[int]]) -> list[int]:
    """Return the first row of every example where the tokens of all lie one after the other."""
    return [0, *np.cumsum([len(tokens) for tokens in ids]).tolist()[:-1]]


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
    targets = _stacked([part.targets for part in parts])
    return parts[0]._replace(ids=ids, targets=targets, hidden=hidden, starts=starts_of(ids))


def _stacked(targets: Sequence[Tensor]) -> Tensor:
    """Return the targets of several sets as one; sentences of few words are filled up with -1."""
    if targets[0].ndim == 1:
        return torch.cat(list(targets))
    longest = max(part.shape[1] for part in targets)
    return torch.cat([nn.functional.pad(part, (0, 0, 0, longest - part.shape[1]), value=-1) for part in targets])


def gather(encoded: Encoded, rows: Sequence[int], *, least: int = 0) -> Batch:
    """Return some examples as a batch, of `least` tokens or more."""
    ids, mask = pad([encoded.ids[row] for row in rows], encoded.pad_id, encoded.device, least=least)
    hidden = None
    if encoded.hidden is not None:
        spans = [slice(encoded.starts[row], encoded.starts[row] + len(encoded.ids[row])) for row in rows]
        hidden = encoded.hidden.new_zeros(*ids.shape, encoded.hidden.shape[1])
        hidden[mask] = torch.cat([encoded.hidden[span] for span in spans])
    return Batch(ids, mask, hidden, encoded.targets[list(rows)])


def parts_of(encoded: Encoded, rows: Sequence[int], at_once: int | None) -> Iterator[Batch]:
    """Yield a batch in parts of equal width, each made when it is asked for: together they may not fit into memory.

    Args:
        encoded: Examples.
        rows: Those in the batch.
        at_once: Largest number of examples in a part; None: the batch stays whole.
    """
    longest = max(len(encoded.ids[row]) for row in rows)
    step = at_once or len(rows)
    for start in range(0, len(rows), step):
        yield gather(encoded, rows[start : start + step], least=longest)


def iterate_rows(encoded: Encoded, batch_size: int, rng: np.random.Generator) -> Iterator[list[int]]:
    """Yield the index of every example once, in random batches of similar length."""
    lengths = encoded.lengths() * rng.uniform(1 - _LENGTH_NOISE, 1 + _LENGTH_NOISE, len(encoded.ids))
    # Shuffling first breaks ties, which are common where texts are short.
    order = rng.permutation(len(lengths))
    batches = [order[rows] for rows in by_length(lengths[order], batch_size)]
    for at in rng.permutation(len(batches)):
        yield batches[at].tolist()


def iterate_batches(encoded: Encoded, batch_size: int, rng: np.random.Generator) -> Iterator[Batch]:
    """Yield every example once, in random batches of similar length."""
    for rows in iterate_rows(encoded, batch_size, rng):
        yield gather(encoded, rows)


def by_length(lengths: NDArray[np.generic], batch_size: int) -> list[list[int]]:
    """Sort the examples by length, and cut them into batches of indices."""
    order = np.argsort(lengths, kind="stable").tolist()
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


def in_order(encoded: Encoded, compute: Callable[[Batch], Tensor], width: int) -> Tensor:
    """Compute something for every example, without gradients.

    Args:
        encoded: Examples.
        compute: Function from a batch to [batch, width].
        width: Number of values for an example.

    Returns:
        [examples, width] float32, in the order of the examples.
    """
    found = torch.empty(len(encoded.ids), width, device=encoded.device)
    with torch.no_grad():
        for rows in by_length(encoded.lengths(), EVALUATION_BATCH):
            found[rows] = compute(gather(encoded, rows))
    return found
