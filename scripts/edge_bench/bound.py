"""The bound: an epoch's matrix products and nothing else, with the same shapes, type and threads.

There is no norm, activation, softmax, decoding of weights or optimiser: no training loop can be faster.
"""

import time
from collections.abc import Iterable
from typing import Final

import torch
from torch import Tensor

from mfpt_edge.backbone.bert import BertEncoder

# Inner width of a feed-forward layer, as a multiple of the encoder's width; the same in the whole family.
_INNER: Final = 4


def products_seconds(
    encoder: BertEncoder, batches: Iterable[Tensor], layers: int, *, prompt: int = 0, backward: bool = False
) -> float:
    """Return the seconds that the products of some layers take.

    Args:
        encoder: Encoder with the shape, type and device to use.
        batches: Token ids of each batch, [examples, tokens].
        layers: Number of the encoder's layers that run.
        prompt: Number of virtual tokens before each text.
        backward: Whether to add the products that take gradients back to the layers' input; frozen weights need none.
    """
    device, seconds = encoder.positions.device, 0.0
    for batch in batches:
        examples, tokens = batch.shape
        # The last layer computes no states of virtual tokens, because nothing reads them.
        inner = _Products(encoder, examples, prompt + tokens, prompt + tokens)
        last = _Products(encoder, examples, prompt + tokens, tokens)
        _wait(device)
        began = time.perf_counter()
        for layer in [inner] * (layers - 1) + [last]:
            layer.forward()
            if backward:
                layer.backward()
        _wait(device)
        seconds += time.perf_counter() - began
    return seconds


class _Products:
    """The products of one layer, on random numbers."""

    def __init__(self, encoder: BertEncoder, examples: int, tokens: int, read: int) -> None:
        """Make the operands.

        Args:
            encoder: Encoder with the widths, type and device to use.
            examples: Number of examples in the batch.
            tokens: Number of tokens of each that the layer sees.
            read: Number of tokens whose states it returns.
        """
        width, heads = encoder.shape.width, encoder.shape.heads
        inner = _INNER * width

        def random(*shape: int) -> Tensor:
            return torch.randn(*shape, device=encoder.positions.device).to(encoder.dtype)

        # Into queries, keys and values; out of attention; into and out of the feed-forward layer.
        sizes = ((tokens, width, 3 * width), (read, width, width), (read, width, inner), (read, inner, width))
        self._linear = [
            (random(examples * count, entry), random(entry, result), random(examples * count, result))
            for count, entry, result in sizes
        ]
        self._query, self._key = (random(examples * heads, count, width // heads) for count in (read, tokens))
        self._scores = random(examples * heads, read, tokens)

    def forward(self) -> None:
        for entry, weight, _ in self._linear:
            torch.mm(entry, weight)
        torch.bmm(self._query, self._key.transpose(1, 2))
        torch.bmm(self._scores, self._key)

    def backward(self) -> None:
        for _, weight, gradient in self._linear:
            torch.mm(gradient, weight.t())
        torch.bmm(self._scores.transpose(1, 2), self._query)  # to the values
        torch.bmm(self._query, self._key.transpose(1, 2))  # to the scores
        torch.bmm(self._scores, self._key)  # to the queries
        torch.bmm(self._scores.transpose(1, 2), self._query)  # to the keys


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
