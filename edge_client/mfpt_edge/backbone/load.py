"""The frozen backbone: found, checked against the plan, loaded in 4 bits, with its tokenizer."""

from pathlib import Path
from typing import NamedTuple

import torch

from mfpt_edge.backbone import fourbit
from mfpt_edge.backbone.bert import BertEncoder
from mfpt_edge.backbone.bert_weights import family_weights
from mfpt_edge.backbone.e5_weights import BundledWeights
from mfpt_edge.backbone.layers import Stack, find_stack
from mfpt_edge.backbone.parts import Backbone, Decoder, Tokenizer
from mfpt_edge.backbone.transformers_files import PretrainedTokenizer, describe_once
from mfpt_edge.backbone.transformers_model import Pretrained, load_pretrained
from mfpt_edge.bundled.place import find_file
from mfpt_edge.formats.bert_shape import family_shape
from mfpt_edge.formats.e5_file import E5File
from mfpt_edge.formats.e5_tokenizer import BundledTokenizer
from mfpt_shared.backbones.describe import BackboneFacts, BackboneUri, describe, locate, model_config, parse_uri
from mfpt_shared.errors import Incompatible, UsageError
from mfpt_shared.plan import BackboneSpec


class _Parts(NamedTuple):
    """What was loaded; see `Backbone`."""

    encoder: BertEncoder | Pretrained
    stack: Stack | None
    tokenizer: Tokenizer
    decoder: Decoder | None = None


def load_backbone(
    spec: BackboneSpec, device: str = "auto", cache: Path | None = None, *, generates: bool = False
) -> Backbone:
    """Load the backbone of a plan.

    Args:
        spec: What the plan says about it.
        device: `auto` (a GPU where there is one), `cpu`, `cuda`, `cuda:1`, ...
        cache: Folder where weights that were converted to 4 bits are kept for the next start; None: nowhere.
        generates: Whether it is to write text, and therefore must be a decoder.

    Raises:
        UsageError: The address is malformed, nothing usable is there, or there is no such device.
        Incompatible: These are not the weights that the plan asks for, or they cannot write though they should.
        NotInstalled: Something needed is not installed.
    """
    address = parse_uri(spec.uri)
    target = find_device(device)
    facts = describe(spec.uri)
    check_facts(spec, facts)
    quantised = spec.quantisation == "nf4"
    if address.scheme == "bundled":
        parts = _bundled(target, quantised=quantised)
    else:
        parts = _from_files(address, facts, target, cache, quantised=quantised, generates=generates)
    if generates and parts.decoder is None:
        raise Incompatible(f"{spec.uri} cannot write text, as task.kind generation needs: name a decoder in the plan")
    parts.encoder.requires_grad_(False).eval()
    held, fp32 = fourbit.footprint(parts.encoder)
    return Backbone(
        encoder=parts.encoder,
        stack=parts.stack,
        tokenizer=parts.tokenizer,
        decoder=parts.decoder,
        device=target,
        width=facts.width,
        layers=facts.layers,
        max_positions=parts.encoder.max_positions,
        fingerprint=facts.fingerprint,
        weight_bytes=held,
        weight_bytes_fp32=fp32,
    )


def _bundled(device: torch.device, *, quantised: bool) -> _Parts:
    file = E5File(find_file())
    weights = BundledWeights(file, quantised=quantised)
    encoder = BertEncoder(file.shape, weights, device, _dtype(device, quantised=quantised))
    return _Parts(encoder, encoder, BundledTokenizer(file))


def _from_files(
    address: BackboneUri,
    facts: BackboneFacts,
    device: torch.device,
    cache: Path | None,
    *,
    quantised: bool,
    generates: bool,
) -> _Parts:
    """Load a folder or a GGUF file: with our own code if it is of the BERT family, else with that of transformers."""
    source = locate(address)
    name = facts.fingerprint.removeprefix("sha256:")[:32]
    kept = cache and cache / "backbones" / f"{name}-nf4.safetensors"
    described = describe_once(source, cache and cache / "backbones" / name)
    tokenizer = PretrainedTokenizer(described)
    shape = family_shape(model_config(source)) if source.is_dir() else None
    if shape is not None:
        weights = family_weights(source, kept, quantised=quantised)
        encoder = BertEncoder(shape, weights, device, _dtype(device, quantised=quantised))
        return _Parts(encoder, encoder, tokenizer)
    model = load_pretrained(source, described, device, kept, quantised=quantised, generates=generates).eval()
    decoder = _decoder(model, tokenizer, device) if generates else None
    return _Parts(model, find_stack(model, facts.layers, device), tokenizer, decoder)


def _dtype(device: torch.device, *, quantised: bool) -> torch.dtype:
    return fourbit.compute_dtype(device) if quantised else torch.float32


def _decoder(model: Pretrained, tokenizer: PretrainedTokenizer, device: torch.device) -> Decoder | None:
    """Return what a model writes with; None if its first states know what follows, or it cannot end a text."""
    ids = torch.tensor([[3, 4, 5], [3, 4, 6]], device=device)
    with torch.no_grad():
        one, other = model.encode(model.tokens(ids), torch.ones_like(ids, dtype=torch.bool))
        if tokenizer.end_id is None or not torch.allclose(one[:2], other[:2], rtol=1e-2, atol=1e-3):
            return None
        return Decoder(model.logits, tokenizer, tokenizer.end_id, model.logits(one[:1]).shape[1])


def check_facts(spec: BackboneSpec, facts: BackboneFacts | Backbone) -> None:
    """Check that the weights found are those that the plan asks for.

    Raises:
        Incompatible: They are not; the message names both.
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


def find_device(name: str) -> torch.device:
    """Return the torch device of a name.

    Raises:
        UsageError: There is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"there is no device {name!r}: write auto, cpu, cuda or cuda:<number>") from error
    if device.type != "cpu" and (device.index or 0) >= torch.cuda.device_count():
        raise UsageError(f"device {name!r} was asked for, but torch does not find it here: write auto or cpu")
    return device
