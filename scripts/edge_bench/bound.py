"""The bound: the matrix products of an epoch and nothing else, of the same shapes and type, on the same threads.

No norm, no activation, no softmax, no decoding of weights, no optimiser: a training loop cannot be faster than these.
"""

import time
from collections.abc import Iterable
from typing import Final

import torch
from torch import Tensor

from mfpt_edge.encoder import Encoder

# Inner width of a feed-forward layer, in widths of the encoder; the whole family has it so.
_INNER: Final = 4


def products_seconds(
    encoder: Encoder, batches: Iterable[Tensor], layers: int, *, prompt: int = 0, backward: bool = False
) -> float:
    """Return the seconds that the products of some layers take.

    Args:
        encoder: gives shape, type and device.
        batches: token ids [examples, tokens] of each.
        layers: how many of the encoder's are run.
        prompt: virtual tokens before each text.
        backward: also those that take gradients back to the layers' input; frozen weights have none themselves.
    """
    width, heads, dtype, device = encoder.shape.width, encoder.shape.heads, encoder.dtype, encoder.positions.device
    inner = _INNER * width
    sizes = ((width, 3 * width), (width, width), (width, inner), (inner, width))
    weights = [torch.randn(columns, rows, device=device).to(dtype) for columns, rows in sizes]
    seconds = 0.0
    for batch in batches:
        examples, tokens = batch.shape
        rows = examples * (prompt + tokens)
        entries = [torch.randn(rows, columns, device=device).to(dtype) for columns, _ in sizes]
        part = torch.randn(examples * heads, prompt + tokens, width // heads, device=device).to(dtype)
        scores = part @ part.transpose(1, 2)
        outputs = [entry @ weight for entry, weight in zip(entries, weights, strict=True)]
        _wait(device)
        began = time.perf_counter()
        for _ in range(layers):
            _layer(entries, weights, part, scores)
            if backward:
                _layer_back(outputs, weights, part, scores)
        _wait(device)
        seconds += time.perf_counter() - began
    return seconds


def _layer(entries: list[Tensor], weights: list[Tensor], part: Tensor, scores: Tensor) -> None:
    for entry, weight in zip(entries, weights, strict=True):
        torch.mm(entry, weight)
    torch.bmm(part, part.transpose(1, 2))
    torch.bmm(scores, part)


def _layer_back(outputs: list[Tensor], weights: list[Tensor], part: Tensor, scores: Tensor) -> None:
    for output, weight in zip(outputs, weights, strict=True):
        torch.mm(output, weight.t())
    torch.bmm(scores.transpose(1, 2), part)  # to the values
    torch.bmm(part, part.transpose(1, 2))  # to the scores
    torch.bmm(scores, part)  # to the queries
    torch.bmm(scores.transpose(1, 2), part)  # to the keys


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
