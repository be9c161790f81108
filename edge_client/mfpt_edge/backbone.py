"""The frozen backbone: found, checked against the plan, loaded in 4 bits, with its tokenizer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from transformers import PreTrainedModel

from mfpt_edge import fourbit
from mfpt_edge.e5file import E5File, find_file
from mfpt_edge.e5model import BundledTokenizer, bundled_encoder
from mfpt_edge.pretrained import PretrainedTokenizer, pretrained_encoder
from mfpt_shared import backbones, plan
from mfpt_shared.errors import Incompatible, UsageError


class Tokenizer(Protocol):
    """Text to token ids."""

    @property
    def pad_id(self) -> int:
        """Id that fills up a batch."""

    def encode(self, texts: Sequence[str], max_tokens: int) -> list[list[int]]:
        """Return the ids of every text with its special tokens, cut to `max_tokens` in all, without padding."""


@dataclass(frozen=True, slots=True)
class Backbone:
    """A frozen encoder in eval mode, ready for a prompt.

    Attributes:
        encoder: a transformers model: (input_ids or inputs_embeds, attention_mask) -> `.last_hidden_state`.
        tokenizer: text -> ids.
        device: where the encoder lives.
        width: hidden size.
        layers: number of transformer layers.
        max_positions: longest input, virtual tokens at the input included.
        fingerprint: of the weights as published.
        weight_bytes: what the weights take as loaded, statistics of the quantisation included.
        weight_bytes_fp32: what they would take in 32 bits.
    """

    encoder: PreTrainedModel
    tokenizer: Tokenizer
    device: torch.device
    width: int
    layers: int
    max_positions: int
    fingerprint: str
    weight_bytes: int
    weight_bytes_fp32: int


def load_backbone(spec: plan.Backbone, device: str = "auto") -> Backbone:
    """Load the backbone of a plan.

    Args:
        spec: what the plan says about it.
        device: `auto` (a GPU where there is one), `cpu`, `cuda`, `cuda:1`, ...

    Raises:
        UsageError: the address is malformed, nothing usable is there, or there is no such device.
        Incompatible: these are not the weights that the plan asks for, or something needed is not installed.
    """
    address = backbones.parse_uri(spec.uri)
    target = _device(device)
    if address.scheme == "bundled":
        facts = backbones.describe(spec.uri)
        check_facts(spec, facts)
        file = E5File(find_file())
        encoder = bundled_encoder(file, target, quantised=spec.quantisation == "nf4")
        tokenizer: Tokenizer = BundledTokenizer(file)
    else:
        folder = backbones.locate(address)
        facts = backbones.describe(f"path:{folder}")
        check_facts(spec, facts)
        encoder = pretrained_encoder(folder, target, quantised=spec.quantisation == "nf4")
        tokenizer = PretrainedTokenizer(folder)
    encoder.requires_grad_(False).eval()
    held, fp32 = fourbit.footprint(encoder)
    return Backbone(
        encoder=encoder,
        tokenizer=tokenizer,
        device=target,
        width=facts.width,
        layers=facts.layers,
        max_positions=_max_positions(encoder),
        fingerprint=facts.fingerprint,
        weight_bytes=held,
        weight_bytes_fp32=fp32,
    )


def check_facts(spec: plan.Backbone, facts: backbones.BackboneFacts | Backbone) -> None:
    """Check that the weights found are those that the plan asks for.

    Raises:
        Incompatible: they are not; the message names both.
    """
    if spec.fingerprint and spec.fingerprint != facts.fingerprint:
        raise Incompatible(
            f"the weights of {spec.uri} here have fingerprint {facts.fingerprint}, the plan asks for "
            f"{spec.fingerprint}: this device will not train; fetch the weights that the coordinator described"
        )
    for name, found, wanted in (("width", facts.width, spec.width), ("layers", facts.layers, spec.layers)):
        if found != wanted:
            raise Incompatible(
                f"backbone {spec.uri} has {name} {found}, the plan says {wanted}: this device will not train; "
                "run `mfpt-coord plan init` again for this backbone"
            )


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"there is no device {name!r}: write auto, cpu, cuda or cuda:<number>") from error
    if device.type != "cpu" and (device.index or 0) >= torch.cuda.device_count():
        raise UsageError(f"device {name!r} was asked for, but torch does not find it here: write auto or cpu")
    return device


def _max_positions(encoder: Any) -> int:  # noqa: ANN401 - transformers is followed without types
    limit = int(getattr(encoder.config, "max_position_embeddings", 0) or 1 << 20)
    table = getattr(getattr(encoder, "embeddings", None), "position_embeddings", None)
    # RoBERTa and its kin count positions from behind the padding id.
    offset = getattr(table, "padding_idx", None)
    return limit if offset is None else limit - offset - 1
