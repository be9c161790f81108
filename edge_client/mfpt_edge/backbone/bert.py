"""Encoders of the BERT family (BERT, RoBERTa, XLM-R, E5), run layer by layer with frozen 4-bit weights.

A device spends its time here, so there is no more in it than the family needs: layers can be run from any one on, one
product makes queries, keys and values, and the last layer leaves out rows that are not read.
"""

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from mfpt_edge.backbone.fourbit import Linear4bit, Packed, stack
from mfpt_edge.backbone.padding import additive
from mfpt_edge.formats.bert_shape import ACTIVATIONS, Shape


class BertWeights(Protocol):
    """Weights by their names in transformers' `BertModel`."""

    def vector(self, name: str) -> Tensor:
        """Return a bias, norm or small table, float32."""

    def matrix(self, name: str) -> Packed | Tensor:
        """Return a linear layer's weight [out, in], in 4 bits or in 32."""

    def table(self, device: torch.device) -> nn.Module:
        """Return the token table on a device: ids [...] -> [..., width] float32."""


class BertEncoder(nn.Module):
    """A frozen encoder."""

    positions: Tensor

    def __init__(self, shape: Shape, weights: BertWeights, device: torch.device, dtype: torch.dtype) -> None:
        """Take over weights.

        Args:
            shape: Shape of the encoder.
            weights: All weights.
            device: Device that it runs on.
            dtype: Type, float32 or bfloat16, of everything between the token table and the last layer.
        """
        super().__init__()
        self.shape = shape
        self.dtype = dtype
        self.table = weights.table(device)
        used = slice(shape.first_position, shape.first_position + shape.positions)
        positions = weights.vector("embeddings.position_embeddings.weight").view(-1, shape.width)[used]
        kind = weights.vector("embeddings.token_type_embeddings.weight").view(-1, shape.width)[0]
        self.register_buffer("positions", (positions + kind).to(device, dtype), persistent=False)
        self.norm = _Norm(weights, "embeddings.LayerNorm", shape, device, dtype)
        self.layers = nn.ModuleList(_Layer(weights, index, shape, device, dtype) for index in range(shape.layers))

    @property
    def max_positions(self) -> int:
        """Longest input in tokens."""
        return self.shape.positions

    def tokens(self, ids: Tensor) -> Tensor:
        """Look tokens up: ids [batch, tokens] become [batch, tokens, width] float32."""
        found: Tensor = self.table(ids)
        return found

    def embed(self, tokens: Tensor) -> Tensor:
        """Add positions to looked-up tokens, [batch, tokens, width]: what the first layer sees."""
        embedded: Tensor = self.norm(tokens.to(self.dtype) + self.positions[: tokens.shape[1]])
        return embedded

    def encode(self, tokens: Tensor, mask: Tensor, *, unread: int = 0) -> Tensor:
        """Run the whole encoder on looked-up tokens; arguments as for `run`."""
        return self.run(self.embed(tokens), mask, unread=unread)

    def run(self, hidden: Tensor, mask: Tensor, first: int = 0, stop: int | None = None, *, unread: int = 0) -> Tensor:
        """Run layers.

        Args:
            hidden: [batch, tokens, width], what layer `first` sees.
            mask: [batch, tokens] bool, true on real tokens.
            first: Index of the first layer to run.
            stop: Index of the first layer that is not run; None: to the end.
            unread: Number of tokens at the front whose last states are not read.

        Returns:
            [batch, tokens - unread, width].
        """
        hidden = hidden.to(self.dtype)
        bias = None
        if not bool(mask.all()):
            bias = additive(mask, hidden.dtype)[:, None, None, :]
        chosen = self.layers[first:stop]
        for index, layer in enumerate(chosen, start=1):
            hidden = layer(hidden, bias, unread if index == len(chosen) else 0)
        return hidden


class _Layer(nn.Module):
    def __init__(
        self, weights: BertWeights, index: int, shape: Shape, device: torch.device, dtype: torch.dtype
    ) -> None:
        super().__init__()
        name = f"encoder.layer.{index}"
        attention = [f"{name}.attention.self.{part}" for part in ("query", "key", "value")]
        self._heads = shape.heads
        self._activation = ACTIVATIONS[shape.activation]
        self.attention_in = _linear(weights, attention, device, dtype)
        self.attention_out = _linear(weights, [f"{name}.attention.output.dense"], device, dtype)
        self.attention_norm = _Norm(weights, f"{name}.attention.output.LayerNorm", shape, device, dtype)
        self.feed_in = _linear(weights, [f"{name}.intermediate.dense"], device, dtype)
        self.feed_out = _linear(weights, [f"{name}.output.dense"], device, dtype)
        self.feed_norm = _Norm(weights, f"{name}.output.LayerNorm", shape, device, dtype)

    def forward(self, hidden: Tensor, bias: Tensor | None, unread: int) -> Tensor:
        batch, tokens, width = hidden.shape
        parts = self.attention_in(hidden).view(batch, tokens, 3, self._heads, width // self._heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        if unread:
            query, hidden = query[:, :, unread:], hidden[:, unread:]
        attended = _attend(query, key, value, bias).transpose(1, 2).reshape(batch, -1, width)
        hidden = self.attention_norm(hidden + self.attention_out(attended))
        inner = functional.gelu(self.feed_in(hidden), approximate=self._activation)
        output: Tensor = self.feed_norm(hidden + self.feed_out(inner))
        return output


def _attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
    """Attention, [batch, heads, tokens, head width]."""
    if query.dtype == torch.float32 or query.is_cuda or not torch.is_grad_enabled():
        return functional.scaled_dot_product_attention(query, key, value, bias)
    # Torch's fused attention has a backward pass in bfloat16 that takes a CPU four times as long as these products.
    scores = torch.matmul(query * query.shape[-1] ** -0.5, key.transpose(-1, -2))
    if bias is not None:
        scores = scores + bias
    return torch.matmul(scores.softmax(dim=-1), value)


class _Norm(nn.Module):
    weight: Tensor
    bias: Tensor

    def __init__(self, weights: BertWeights, name: str, shape: Shape, device: torch.device, dtype: torch.dtype) -> None:
        super().__init__()
        self._epsilon = shape.epsilon
        self.register_buffer("weight", weights.vector(f"{name}.weight").to(device, dtype), persistent=False)
        self.register_buffer("bias", weights.vector(f"{name}.bias").to(device, dtype), persistent=False)

    def forward(self, hidden: Tensor) -> Tensor:
        return functional.layer_norm(hidden, self.weight.shape, self.weight, self.bias, self._epsilon)


def _linear(weights: BertWeights, names: list[str], device: torch.device, dtype: torch.dtype) -> nn.Module:
    """Return one layer that gives what several would, side by side."""
    parts = [weights.matrix(f"{name}.weight") for name in names]
    bias = torch.cat([weights.vector(f"{name}.bias") for name in names]).to(device, dtype)
    packed = [part for part in parts if isinstance(part, Packed)]
    if len(packed) == len(parts):
        return Linear4bit(stack(packed).to(device), bias, dtype)
    layer = nn.Linear(parts[0].shape[1], len(bias), device="meta")
    full = [part.decode(dtype) if isinstance(part, Packed) else part for part in parts]
    layer.weight = nn.Parameter(torch.cat(full).to(device, dtype), requires_grad=False)
    layer.bias = nn.Parameter(bias, requires_grad=False)
    return layer
