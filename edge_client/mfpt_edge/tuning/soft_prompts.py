"""Virtual tokens, and where they enter the backbone: before an inner layer, or before the embedded text."""

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

from mfpt_edge.backbone.padding import prepend
from mfpt_edge.backbone.parts import Backbone
from mfpt_shared.errors import Incompatible
from mfpt_shared.plan import PromptSpec


class SoftPrompt(Protocol):
    """Where and how virtual tokens enter the backbone."""

    def lower(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Run what the prompt does not reach: ids and mask [batch, tokens] become [batch, tokens, width]."""

    def upper(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Run the rest with the prompt; returns the last hidden states of the real tokens [batch, tokens, width]."""

    def tensors(self) -> Mapping[str, nn.Parameter]:
        """Return what is tuned, named as in `mfpt_shared.tensors.layout`."""


class LatePrompt(nn.Module):
    """Virtual tokens that enter before an inner layer. Source: Late Prompt Tuning, Liu et al. 2022."""

    def __init__(self, backbone: Backbone, spec: PromptSpec, layer: int) -> None:
        """Make virtual tokens of zeros, to be set by a prompt state.

        Args:
            backbone: Backbone whose layers can be run one by one.
            spec: Number of virtual tokens.
            layer: Index of the first layer that sees them.

        Raises:
            Incompatible: The encoder is built in another way.
        """
        super().__init__()
        if backbone.stack is None:
            raise Incompatible(
                f"the layers of {type(backbone.encoder).__name__} cannot be run one by one, as method 'late' needs: "
                'set prompt.method = "prompt" in the plan'
            )
        self.virtual = nn.Parameter(torch.zeros(spec.tokens, backbone.width))
        # Not the layers themselves: torch would take them for parts of this module.
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
        # Late prompts do without PEFT.
        from peft import PromptEmbedding, PromptEncoder, PromptEncoderConfig, PromptTuningConfig  # noqa: PLC0415 - takes seconds

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
        """Look the tokens up; the mask makes no difference."""
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
