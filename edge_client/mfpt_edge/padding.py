"""Batches of sequences of unequal length: filled up to a common one, and masked in attention."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from mfpt_edge.shape import LENGTH_STEP


def pad(sequences: Sequence[Sequence[int]], pad_id: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return ids [batch, tokens] int64, filled up on the right to a multiple of eight, and their mask (bool)."""
    lengths = torch.tensor([len(ids) for ids in sequences])
    longest = math.ceil(int(lengths.max()) / LENGTH_STEP) * LENGTH_STEP
    mask = torch.arange(longest)[None] < lengths[:, None]
    padded = torch.full(mask.shape, pad_id)
    padded[mask] = torch.tensor([token for ids in sequences for token in ids])
    return padded.to(device), mask.to(device)


def additive(seen: Tensor, dtype: torch.dtype) -> Tensor:
    """Return what is added to attention scores, in the shape of `seen` (bool): 0, or the least number there is."""
    return torch.zeros(seen.shape, dtype=dtype, device=seen.device).masked_fill(~seen, torch.finfo(dtype).min)
