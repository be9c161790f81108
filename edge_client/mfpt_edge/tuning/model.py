"""The soft prompt and the task head around a frozen backbone.

A forward pass has two steps. `lower` runs the frozen part that the prompt does not reach; it gives the same for an
example every time and may be cached. `upper` adds the virtual tokens and runs the rest:

    method     lower                       upper
    late       embeddings, layers 0..k-1   [prompt; hidden] through layers k.., pooling, head
    prompt     token table                 [prompt; embeddings] through the encoder, pooling, head
    p-tuning   token table                 the same, with the prompt out of PEFT's prompt encoder
"""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from mfpt_edge.backbone.load import Backbone
from mfpt_edge.backbone.padding import prepend
from mfpt_edge.formats.conventions import POOLED_NORM, max_text_tokens
from mfpt_shared.errors import Incompatible
from mfpt_shared.plan import Plan, PromptSpec
from mfpt_shared.tensors import Array, PromptState, check_layout, initial_state, layout


class SoftPrompt(Protocol):
    """Where and how virtual tokens enter the backbone."""

    def lower(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Run what the prompt does not reach: ids and mask [batch, tokens] become [batch, tokens, width]."""

    def upper(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Run the rest with the prompt; returns the last hidden states of the real tokens [batch, tokens, width]."""

    def tensors(self) -> Mapping[str, nn.Parameter]:
        """Return what is tuned, named as in `mfpt_shared.tensors.layout`."""


class PromptModel(nn.Module):
    """A model of which only the soft prompt and, where the plan has labels, the head are tuned.

    Attributes:
        head: of a classifier; None where the task is to generate.
    """

    def __init__(self, backbone: Backbone, plan: Plan) -> None:
        """Put the plan's initial prompt around a backbone.

        Raises:
            Incompatible: method `late` with an encoder whose layers cannot be run one by one.
        """
        super().__init__()
        self.backbone = backbone
        self.plan = plan
        width = backbone.width
        self.prompt: SoftPrompt = (
            LatePrompt(backbone, plan.prompt, plan.late_layer)
            if plan.prompt.method == "late"
            else InputPrompt(backbone, plan.prompt)
        )
        self.head = nn.Linear(width, len(plan.task.labels)) if plan.task.labels else None
        self.to(backbone.device)
        self.load(initial_state(plan))

    @property
    def max_tokens(self) -> int:
        """Longest text in tokens that the backbone takes, beside the virtual tokens."""
        return max_text_tokens(self.plan, self.backbone.max_positions)

    def lower(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Run the part that the prompt does not reach, without gradients.

        Args:
            ids: [batch, tokens] int64, padded on the right.
            mask: [batch, tokens] bool, true on real tokens.

        Returns:
            [batch, tokens, width] float32.
        """
        with torch.no_grad():
            return self.prompt.lower(ids, mask)

    def states(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Run the part that the prompt reaches.

        Args:
            hidden: [batch, tokens, width], what `lower` returned, in any floating type.
            mask: [batch, tokens] bool.

        Returns:
            Last states of the text, [batch, tokens, width] float32.
        """
        return self.prompt.upper(hidden.float(), mask).float()

    def upper(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Return a classifier's logits [batch, labels]; arguments as of `states`."""
        assert self.head is not None
        logits: Tensor = self.head(self.pooled(hidden, mask))
        return logits

    def pooled(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Return what the head sees, [batch, width]; arguments as of `states`."""
        last = self.states(hidden, mask)
        weights = mask[..., None].to(last.dtype)
        mean = (last * weights).sum(dim=1) / weights.sum(dim=1)
        return POOLED_NORM * nn.functional.normalize(mean, dim=-1)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return logits [batch, labels] of token ids [batch, tokens]."""
        return self.upper(self.lower(ids, mask), mask)

    def tensors(self) -> dict[str, nn.Parameter]:
        """Return all that is tuned, by its name in the plan's layout."""
        head = {} if self.head is None else {f"head.{name}": part for name, part in self.head.named_parameters()}
        return {**self.prompt.tensors(), **head}

    def load(self, state: PromptState) -> None:
        """Take over a prompt state.

        Raises:
            Incompatible: names or shapes are not those of the plan.
        """
        check_layout(state, layout(self.plan))
        with torch.no_grad():
            for name, parameter in self.tensors().items():
                parameter.copy_(torch.from_numpy(np.array(state[name], np.float32)))

    def state(self) -> PromptState:
        """Return a copy of all that is tuned, in the plan's layout."""
        tensors = self.tensors()
        return {name: _to_numpy(tensors[name]) for name in layout(self.plan)}


class LatePrompt(nn.Module):
    """Virtual tokens that enter before an inner layer. Source: Late Prompt Tuning, Liu et al. 2022."""

    def __init__(self, backbone: Backbone, spec: PromptSpec, layer: int) -> None:
        """Find the encoder's layers.

        Args:
            backbone: an encoder in the manner of BERT: embeddings, then a list of layers, nothing behind them.
            spec: number of virtual tokens.
            layer: index of the first layer that sees them.

        Raises:
            Incompatible: the encoder is built otherwise.
        """
        super().__init__()
        if backbone.stack is None:
            raise Incompatible(
                f"the layers of {type(backbone.encoder).__name__} cannot be run one by one, as method 'late' needs: "
                'set prompt.method = "prompt" in the plan'
            )
        self.virtual = nn.Parameter(torch.zeros(spec.tokens, backbone.width))
        # Not the layers themselves: torch would take them for a part of this module.
        self._tokens, self._embed, self._run = backbone.encoder.tokens, backbone.stack.embed, backbone.stack.run
        self._layer = layer

    def lower(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Run embeddings and the layers below the prompt."""
        return self._run(self._embed(self._tokens(ids)), mask, 0, self._layer)

    def upper(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Run the layers that see the prompt."""
        states, wide_mask = prepend(self.virtual, hidden, mask)
        return self._run(states, wide_mask, self._layer, unread=len(self.virtual))

    def tensors(self) -> Mapping[str, nn.Parameter]:
        """Return the virtual tokens."""
        return {"prompt": self.virtual}


class InputPrompt(nn.Module):
    """Virtual tokens before the embedded text, from PEFT's modules for prompt tuning and p-tuning."""

    indices: Tensor

    def __init__(self, backbone: Backbone, spec: PromptSpec) -> None:
        """Build PEFT's module for the plan's method."""
        super().__init__()
        # Imported here because PEFT takes its time, and late prompts do without.
        from peft import PromptEmbedding, PromptEncoder, PromptEncoderConfig, PromptTuningConfig  # noqa: PLC0415

        shape = {"num_virtual_tokens": spec.tokens, "token_dim": backbone.width, "num_transformer_submodules": 1}
        if spec.method == "p-tuning":
            config = PromptEncoderConfig(
                **shape, encoder_reparameterization_type="MLP", encoder_hidden_size=spec.encoder_width
            )
            self.source = PromptEncoder(config)
        else:
            self.source = PromptEmbedding(PromptTuningConfig(**shape, prompt_tuning_init="RANDOM"), None)
        self.register_buffer("indices", torch.arange(spec.tokens), persistent=False)
        self._backbone = backbone

    def lower(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Look the tokens up; the mask changes nothing."""
        del mask
        return self._backbone.encoder.tokens(ids)

    def upper(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Run the whole encoder on prompt and text."""
        virtual = self.source(self.indices[None])[0]
        states, wide_mask = prepend(virtual, hidden, mask)
        return self._backbone.encoder.encode(states, wide_mask, unread=len(virtual))

    def tensors(self) -> Mapping[str, nn.Parameter]:
        """Return the virtual tokens and, for p-tuning, the weights of their encoder."""
        named = dict(self.source.named_parameters())
        encoder = {name.replace("mlp_head", "encoder"): part for name, part in named.items() if "mlp_head" in name}
        return {"prompt": named["embedding.weight"], **encoder}


def _to_numpy(tensor: Tensor) -> Array:
    return tensor.detach().cpu().numpy().astype(np.float32, copy=True)
