"""A transformers model taken apart, to be entered before any layer; checked on a few tokens against the whole."""

from collections.abc import Sequence
from typing import Any, Final, Protocol

import torch
from torch import Tensor, nn

from mfpt_edge.backbone.padding import additive, pad
from mfpt_edge.backbone.transformers_model import Pretrained

_PROBE: Final = ((1, 2, 3, 4, 5, 6), (7,))


class Stack(Protocol):
    """Layers that can be run some at a time."""

    def embed(self, tokens: Tensor) -> Tensor:
        """Return what the first layer sees of looked-up tokens, [batch, tokens, width]."""

    def run(self, hidden: Tensor, mask: Tensor, first: int = 0, stop: int | None = None, *, unread: int = 0) -> Tensor:
        """Run layers `first` to `stop` (exclusive; None: to the end).

        Args:
            hidden: [batch, tokens, width], what layer `first` sees.
            mask: [batch, tokens] bool, true on real tokens, which are at the front.
            first: Index of the first layer to run.
            stop: Index of the first layer that is not run.
            unread: Number of tokens at the front that are left out of the result.

        Returns:
            [batch, tokens - unread, width].
        """


class _BertStack:
    """Layers as in BERT: embeddings, then layers that see all tokens, and nothing after them."""

    def __init__(self, embeddings: nn.Module, layers: Sequence[nn.Module]) -> None:
        self._embeddings = embeddings
        self._layers = layers

    def embed(self, tokens: Tensor) -> Tensor:
        embedded: Tensor = self._embeddings(inputs_embeds=tokens)
        return embedded

    def run(self, hidden: Tensor, mask: Tensor, first: int = 0, stop: int | None = None, *, unread: int = 0) -> Tensor:
        bias = None if bool(mask.all()) else additive(mask[:, None, None, :], hidden.dtype)
        for layer in self._layers[first:stop]:
            hidden = _states(layer(hidden, bias))
        return hidden[:, unread:]


class _LlamaStack:
    """Layers as in Llama: layers that see what came before, with rotary positions, then a norm."""

    def __init__(self, model: Any, layers: Sequence[nn.Module]) -> None:  # noqa: ANN401 - transformers has no types here
        self._rotary = model.rotary_emb
        self._norm = model.norm
        self._layers = layers

    def embed(self, tokens: Tensor) -> Tensor:
        return tokens

    def run(self, hidden: Tensor, mask: Tensor, first: int = 0, stop: int | None = None, *, unread: int = 0) -> Tensor:
        places = torch.arange(hidden.shape[1], device=hidden.device)
        seen = (places[:, None] >= places) & mask[:, None, None, :]
        options = {
            "attention_mask": additive(seen, hidden.dtype),
            "position_ids": places[None],
            "position_embeddings": self._rotary(hidden, position_ids=places[None]),
        }
        for layer in self._layers[first:stop]:
            hidden = _states(layer(hidden, **options))
        return (self._norm(hidden) if stop is None else hidden)[:, unread:]


def find_stack(encoder: Pretrained, depth: int, device: torch.device) -> Stack | None:
    """Return a model's layers, or None where together they would not do what the model does.

    Args:
        encoder: Model.
        depth: Number of its layers.
        device: Device of the model.
    """
    model: Any = encoder.model
    lists = [part for part in model.modules() if isinstance(part, nn.ModuleList) and len(part) == depth]
    if len(lists) != 1:
        return None
    layers = list(lists[0])
    kinds = set(getattr(model.config, "layer_types", None) or ["full_attention"])
    stack: Stack
    if isinstance(embeddings := getattr(model, "embeddings", None), nn.Module):
        stack = _BertStack(embeddings, layers)
    elif hasattr(model, "rotary_emb") and hasattr(model, "norm") and kinds == {"full_attention"}:
        stack = _LlamaStack(model, layers)
    else:
        return None
    return stack if _agree(encoder, stack, device) else None


def _agree(encoder: Pretrained, stack: Stack, device: torch.device) -> bool:
    """Tell whether layers do on a few tokens what the whole model does, both without dropout."""
    training = encoder.model.training
    encoder.model.eval()
    ids, mask = pad(_PROBE, 0, device)
    try:
        with torch.no_grad():
            tokens = encoder.tokens(ids)
            whole, ours = encoder.encode(tokens, mask)[mask], stack.run(stack.embed(tokens), mask)[mask]
    except (TypeError, ValueError, RuntimeError, AttributeError, KeyError):
        return False
    finally:
        encoder.model.train(training)
    return whole.shape == ours.shape and torch.allclose(whole, ours, rtol=1e-2, atol=1e-3)


def _states(output: Any) -> Tensor:  # noqa: ANN401 - transformers has no types
    states: Tensor = output[0] if isinstance(output, tuple) else output
    return states
