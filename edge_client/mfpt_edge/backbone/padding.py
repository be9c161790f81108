"""Batches of sequences of unequal length: filled up to a common one, led by virtual tokens, and masked in attention."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mfpt_edge.formats.conventions import LENGTH_STEP


def pad(
    sequences: Sequence[Sequence[int]], pad_id: int, device: torch.device, *, least: int = 0
) -> tuple[Tensor, Tensor]:
    """Return ids [batch, tokens] int64, filled up on the right to a multiple of eight, and their mask (bool).

    Args:
        sequences: Token ids of every example.
        pad_id: Token id that fills up.
        device: Where the tensors are.
        least: Number of tokens to fill up to at least.
    """
    lengths = torch.tensor([len(ids) for ids in sequences])
    longest = math.ceil(max(int(lengths.max()), least) / LENGTH_STEP) * LENGTH_STEP
    mask = torch.arange(longest)[None] < lengths[:, None]
    padded = torch.full(mask.shape, pad_id)
    padded[mask] = torch.tensor([token for ids in sequences for token in ids])
    return padded.to(device), mask.to(device)


def additive(seen: Tensor, dtype: torch.dtype) -> Tensor:
    """Return what is added to attention scores, in the shape of `seen` (bool): 0, or the least number there is."""
    return torch.zeros(seen.shape, dtype=dtype, device=seen.device).masked_fill(~seen, torch.finfo(dtype).min)


def prepend(virtual: Tensor, hidden: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Put virtual tokens [tokens, width] before every example of `hidden`, and of its mask."""
    rows = virtual.to(hidden).expand(len(hidden), -1, -1)
    return torch.cat([rows, hidden], dim=1), nn.functional.pad(mask, (len(virtual), 0), value=True)
