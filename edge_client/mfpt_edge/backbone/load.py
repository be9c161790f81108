"""The frozen backbone: found, checked against the plan, loaded in 4 bits, with its tokenizer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from mfpt_edge.backbone import fourbit
from mfpt_edge.backbone.bert import BertEncoder
from mfpt_edge.backbone.bert_weights import family_weights
from mfpt_edge.backbone.e5_weights import BundledWeights
from mfpt_edge.backbone.layers import Stack, find_stack
from mfpt_edge.backbone.transformers_files import PretrainedTokenizer, describe_once
from mfpt_edge.backbone.transformers_model import Pretrained, load_pretrained
from mfpt_edge.formats.bert_shape import family_shape
from mfpt_edge.formats.e5_file import E5File, find_file
from mfpt_edge.formats.e5_tokenizer import BundledTokenizer
from mfpt_shared import plan
from mfpt_shared.backbones.describe import BackboneFacts, describe, locate, model_config, parse_uri
from mfpt_shared.errors import Incompatible, UsageError


class Tokenizer(Protocol):
    """Text to token ids."""

    @property
    def pad_id(self) -> int:
        """Id that fills up a batch."""

    def encode(self, texts: Sequence[str], max_tokens: int, pairs: Sequence[str] | None = None) -> list[list[int]]:
        """Return the ids of every text with its special tokens, cut to `max_tokens` in all, without padding.

        Args:
            texts: to encode.
            max_tokens: of each.
            pairs: second texts, one for each of the first.
        """


class Encoder(Protocol):
    """Text to states, in two steps, so that virtual tokens can be put between them."""

    def tokens(self, ids: torch.Tensor) -> torch.Tensor:
        """Look tokens up: ids [batch, tokens] int64 become [batch, tokens, width]."""

    def encode(self, tokens: torch.Tensor, mask: torch.Tensor, *, unread: int = 0) -> torch.Tensor:
        """Run all layers on looked-up tokens.

        Args:
            tokens: [batch, tokens, width].
            mask: [batch, tokens] bool, true on real tokens.
            unread: number of leading positions whose states nobody reads; they are left out of the result.

        Returns:
            Last states, [batch, tokens - unread, width].
        """


@dataclass(frozen=True, slots=True)
class Backbone:
    """A frozen encoder or decoder in eval mode, ready for a prompt.

    Attributes:
        encoder: turns tokens into states.
        stack: the same, layer by layer; None if it is built in a way that does not allow that.
        tokenizer: text -> ids.
        decoder: a decoder's way from states back to text; None where the task is not to generate.
        device: where the encoder lives.
        width: hidden size.
        layers: number of transformer layers.
        max_positions: longest input, virtual tokens at the input included.
        fingerprint: of the weights as published.
        weight_bytes: what the weights take as loaded, scales included.
        weight_bytes_fp32: what they would take in 32 bits.
    """

    encoder: Encoder
    stack: Stack | None
    tokenizer: Tokenizer
    decoder: "Decoder | None"
    device: torch.device
    width: int
    layers: int
    max_positions: int
    fingerprint: str
    weight_bytes: int
    weight_bytes_fp32: int


@dataclass(frozen=True, slots=True)
class Decoder:
    """What a backbone has that can write.

    Attributes:
        logits: last states [n, width] -> scores of the next token [n, vocabulary] float32.
        tokenizer: also ids -> text.
        end_id: token that ends a text.
        vocabulary: number of tokens.
    """

    logits: Callable[[torch.Tensor], torch.Tensor]
    tokenizer: PretrainedTokenizer
    end_id: int
    vocabulary: int


def load_backbone(
    spec: plan.BackboneSpec, device: str = "auto", cache: Path | None = None, *, generates: bool = False
) -> Backbone:
    """Load the backbone of a plan.

    Args:
        spec: what the plan says about it.
        device: `auto` (a GPU where there is one), `cpu`, `cuda`, `cuda:1`, ...
        cache: folder where weights that were converted to 4 bits are kept for the next start; None: nowhere.
        generates: it is to write text: it must be a decoder.

    Raises:
        UsageError: the address is malformed, nothing usable is there, or there is no such device.
        Incompatible: these are not the weights that the plan asks for, they cannot write though they should, or
            something needed is not installed.
    """
    address = parse_uri(spec.uri)
    target = _device(device)
    quantised = spec.quantisation == "nf4"
    dtype = fourbit.compute_dtype(target) if quantised else torch.float32
    facts = describe(spec.uri)
    check_facts(spec, facts)
    encoder: BertEncoder | Pretrained
    stack: Stack | None
    tokenizer: Tokenizer
    decoder: Decoder | None = None
    if address.scheme == "bundled":
        file = E5File(find_file())
        encoder = stack = BertEncoder(file.shape, BundledWeights(file, quantised=quantised), target, dtype)
        tokenizer = BundledTokenizer(file)
    else:
        source = locate(address)
        name = facts.fingerprint.removeprefix("sha256:")[:32]
        kept = cache and cache / "backbones" / f"{name}-nf4.safetensors"
        described = describe_once(source, cache and cache / "backbones" / name)
        tokenizer = PretrainedTokenizer(described)
        shape = family_shape(model_config(source)) if source.is_dir() else None
        if shape is None:
            encoder = load_pretrained(source, described, target, kept, quantised=quantised, generates=generates).eval()
            stack = find_stack(encoder, facts.layers, target)
            decoder = _decoder(encoder, tokenizer, target) if generates else None
        else:
            encoder = stack = BertEncoder(shape, family_weights(source, kept, quantised=quantised), target, dtype)
    if generates and decoder is None:
        raise Incompatible(f"{spec.uri} cannot write text, as task.kind generation needs: name a decoder in the plan")
    encoder.requires_grad_(False).eval()
    held, fp32 = fourbit.footprint(encoder)
    return Backbone(
        encoder=encoder,
        stack=stack,
        tokenizer=tokenizer,
        decoder=decoder,
        device=target,
        width=facts.width,
        layers=facts.layers,
        max_positions=encoder.max_positions,
        fingerprint=facts.fingerprint,
        weight_bytes=held,
        weight_bytes_fp32=fp32,
    )


def _decoder(model: Pretrained, tokenizer: PretrainedTokenizer, device: torch.device) -> Decoder | None:
    """Return what a model writes with; None if its first states know what follows, or it cannot end a text."""
    ids = torch.tensor([[3, 4, 5], [3, 4, 6]], device=device)
    with torch.no_grad():
        one, other = model.encode(model.tokens(ids), torch.ones_like(ids, dtype=torch.bool))
        if tokenizer.end_id is None or not torch.allclose(one[:2], other[:2], rtol=1e-2, atol=1e-3):
            return None
        return Decoder(model.logits, tokenizer, tokenizer.end_id, model.logits(one[:1]).shape[1])


def check_facts(spec: plan.BackboneSpec, facts: BackboneFacts | Backbone) -> None:
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
