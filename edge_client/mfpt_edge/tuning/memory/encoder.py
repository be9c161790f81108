"""A backbone's encoder that keeps to an allowance of memory: it runs fewer examples at once, or layers twice."""

from typing import Final

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from mfpt_edge.backbone.bert import BertEncoder
from mfpt_edge.backbone.layers import Stack
from mfpt_edge.backbone.transformers_model import Pretrained
from mfpt_edge.tuning.memory.estimate import Allowance, Layer
from mfpt_shared.system.heap import give_back

# Layers of transformers may have gates, which keep three widths of the inner layer where ours keep one.
_WIDTHS: Final = 12
_WIDTHS_PRETRAINED: Final = 24


class FrugalEncoder:
    """Does what encoder and stack do, in less memory. See `bert.BertEncoder` for shapes and arguments."""

    def __init__(
        self, encoder: BertEncoder | Pretrained, stack: Stack, layers: int, allowance: Allowance, longest: int
    ) -> None:
        """Wrap an encoder.

        Args:
            encoder: Frozen encoder.
            stack: Its layers.
            layers: Number of layers.
            allowance: Memory for activations.
            longest: Number of tokens of the longest example. As many examples as fit of this length are run at once,
                also of shorter ones: torch keeps memory for every shape that it meets.
        """
        self._encoder = encoder
        self._stack = stack
        self._layers = layers
        self._allowance = allowance
        self._readable = allowance.readable(longest)

    def tokens(self, ids: Tensor) -> Tensor:
        """Look tokens up."""
        return self._encoder.tokens(ids)

    def embed(self, tokens: Tensor) -> Tensor:
        """Return what the first layer sees."""
        return self._stack.embed(tokens)

    def encode(self, tokens: Tensor, mask: Tensor, *, unread: int = 0) -> Tensor:
        """Run all layers on looked-up tokens."""
        return self.run(self.embed(tokens), mask, unread=unread)

    def run(self, hidden: Tensor, mask: Tensor, first: int = 0, stop: int | None = None, *, unread: int = 0) -> Tensor:
        """Run layers; those that would keep too much for their gradients keep their inputs, and are run again."""
        end = self._layers if stop is None else stop
        examples, tokens, _ = hidden.shape
        give_back()
        if not torch.is_grad_enabled():
            parts = (slice(start, start + self._readable) for start in range(0, examples, self._readable))
            return torch.cat([self._stack.run(hidden[part], mask[part], first, stop, unread=unread) for part in parts])
        if self._allowance.fits(examples, tokens, end - first):
            return self._stack.run(hidden, mask, first, stop, unread=unread)
        for index in range(first, end):
            last = index + 1 == end
            hidden = checkpoint(
                self._stack.run,
                *(hidden, mask, index, stop if last else index + 1),
                unread=unread if last else 0,
                use_reentrant=False,
                preserve_rng_state=False,
            )
        return hidden


def layer_of(encoder: BertEncoder | Pretrained, width: int) -> Layer:
    """Return what a layer of an encoder holds of a token."""
    if isinstance(encoder, BertEncoder):
        return Layer(width, encoder.shape.heads, _WIDTHS, encoder.dtype.itemsize)
    return Layer(width, encoder.heads, _WIDTHS_PRETRAINED, torch.float32.itemsize)
