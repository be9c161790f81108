"""The frozen backbone: found, checked against the plan, loaded in 4 bits, with its tokenizer."""

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import tokenizers
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mfpt_edge import fourbit
from mfpt_edge.e5file import E5File, find_file
from mfpt_shared import backbones, plan
from mfpt_shared.errors import Incompatible

# Names of the file -> names of transformers.BertModel.
_BERT_EMBEDDINGS: Final = {
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
_BERT_LINEAR: Final = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "fi": "intermediate.dense",
    "fo": "output.dense",
}
_BERT_NORMS: Final = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}


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

    encoder: nn.Module
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
        UsageError: the address is malformed, or nothing usable is there.
        Incompatible: these are not the weights that the plan asks for, or something needed is not installed.
    """
    address = backbones.parse_uri(spec.uri)
    target = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
    if address.scheme == "bundled":
        facts = backbones.describe(spec.uri)
        check_facts(spec, facts)
        file = E5File(find_file())
        encoder = _bundled_encoder(file, target, quantised=spec.quantisation == "nf4")
        tokenizer: Tokenizer = BundledTokenizer(file)
    else:
        folder = backbones.locate(address)
        facts = backbones.describe(f"path:{folder}")
        check_facts(spec, facts)
        encoder = _transformers_encoder(folder, target, quantised=spec.quantisation == "nf4")
        tokenizer = TransformersTokenizer(folder)
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


def check_facts(spec: plan.Backbone, facts: backbones.BackboneFacts) -> None:
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


class BundledTokenizer:
    """The tokenizer of the bundled backbone."""

    def __init__(self, file: E5File) -> None:
        self._tokenizer: tokenizers.Tokenizer = file.tokenizer()
        self._pad_id = file.pad_id

    @property
    def pad_id(self) -> int:
        """Id that fills up a batch."""
        return self._pad_id

    def encode(self, texts: Sequence[str], max_tokens: int) -> list[list[int]]:
        """Return the ids of every text; see `Tokenizer`."""
        self._tokenizer.enable_truncation(max_tokens)
        return [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]


class TransformersTokenizer:
    """The tokenizer that lies beside a transformers model."""

    def __init__(self, folder: Path) -> None:
        """Load it.

        Raises:
            Incompatible: the folder holds none.
        """
        from transformers import AutoTokenizer  # noqa: PLC0415 - the bundled backbone does without

        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            raise Incompatible(f"{folder} holds no tokenizer that transformers can read: {error}") from error
        pad_id = self._tokenizer.pad_token_id
        # Decoders often name no padding token. Padding is masked, so any id will do.
        self._pad_id = 0 if pad_id is None else int(pad_id)

    @property
    def pad_id(self) -> int:
        """Id that fills up a batch."""
        return self._pad_id

    def encode(self, texts: Sequence[str], max_tokens: int) -> list[list[int]]:
        """Return the ids of every text; see `Tokenizer`."""
        ids: list[list[int]] = self._tokenizer(list(texts), truncation=True, max_length=max_tokens)["input_ids"]
        return ids


def _bundled_encoder(file: E5File, device: torch.device, *, quantised: bool) -> nn.Module:
    """Build BertModel without weights, then fill and quantise it tensor by tensor."""
    from transformers import BertConfig, BertModel  # noqa: PLC0415 - takes a second, `--help` must not

    config = file.config
    with torch.device("meta"):
        encoder: nn.Module = BertModel(
            BertConfig(
                vocab_size=config.vocab,
                hidden_size=config.hidden,
                num_hidden_layers=config.layers,
                num_attention_heads=config.heads,
                intermediate_size=config.ffn,
                max_position_embeddings=config.max_positions,
                type_vocab_size=config.type_vocab,
                layer_norm_eps=config.layer_norm_eps,
                pad_token_id=file.pad_id,
            ),
            add_pooling_layer=False,
        )
    if quantised:
        packed = torch.from_numpy(file.packed_rows("emb.word", config.hidden)).to(device)
        encoder.set_submodule("embeddings.word_embeddings", fourbit.Q4Embedding(packed, config.hidden))
    else:
        _set_parameter(encoder, "embeddings.word_embeddings.weight", file.tensor("emb.word"), device)
    for source, name in _small_tensors(config.layers):
        _set_parameter(encoder, name, file.tensor(source), device)
    for source, name in _linear_layers(config.layers):
        shape = encoder.get_submodule(name).weight.shape
        weight = torch.from_numpy(file.tensor(f"{source}.w").reshape(shape))
        bias = torch.from_numpy(file.tensor(f"{source}.b"))
        encoder.set_submodule(name, _linear(weight, bias, device, quantised=quantised))
    positions = torch.arange(config.max_positions, device=device)[None]
    encoder.get_submodule("embeddings").register_buffer("position_ids", positions, persistent=False)
    encoder.get_submodule("embeddings").register_buffer("token_type_ids", torch.zeros_like(positions), persistent=False)
    return encoder


def _small_tensors(layers: int) -> Iterator[tuple[str, str]]:
    yield from _BERT_EMBEDDINGS.items()
    for layer in range(layers):
        for source, name in _BERT_NORMS.items():
            yield f"l{layer}.{source}.w", f"encoder.layer.{layer}.{name}.weight"
            yield f"l{layer}.{source}.b", f"encoder.layer.{layer}.{name}.bias"


def _linear_layers(layers: int) -> Iterator[tuple[str, str]]:
    for layer in range(layers):
        for source, name in _BERT_LINEAR.items():
            yield f"l{layer}.{source}", f"encoder.layer.{layer}.{name}"


def _linear(weight: Tensor, bias: Tensor, device: torch.device, *, quantised: bool) -> nn.Module:
    if quantised:
        return fourbit.linear4bit(weight, bias, device)
    layer = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    layer.weight, layer.bias = nn.Parameter(weight.to(device)), nn.Parameter(bias.to(device))
    return layer


def _set_parameter(model: nn.Module, name: str, values: NDArray[np.float32], device: torch.device) -> None:
    owner, _, leaf = name.rpartition(".")
    module = model.get_submodule(owner)
    shape = module.get_parameter(leaf).shape
    setattr(module, leaf, nn.Parameter(torch.from_numpy(values.reshape(shape)).to(device), requires_grad=False))


def _transformers_encoder(folder: Path, device: torch.device, *, quantised: bool) -> nn.Module:
    """Load any text model of transformers; its own loader quantises the linear layers one by one."""
    from transformers import MODEL_MAPPING, AutoConfig, AutoModel, BitsAndBytesConfig  # noqa: PLC0415

    config = AutoConfig.from_pretrained(str(folder), local_files_only=True)
    if config.is_encoder_decoder or type(config) not in MODEL_MAPPING:
        raise Incompatible(f"{folder} holds a {config.model_type!r} model: an encoder or a decoder is needed, not both")
    options: dict[str, Any] = {"dtype": torch.float32, "local_files_only": True, "device_map": {"": str(device)}}
    # Nobody reads the pooler, and one that the checkpoint does not hold would be random and not quantisable.
    if "add_pooling_layer" in inspect.signature(MODEL_MAPPING[type(config)].__init__).parameters:
        options["add_pooling_layer"] = False
    if quantised:
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=fourbit.compute_dtype(device),
        )
    try:
        encoder: Any = AutoModel.from_pretrained(str(folder), **options)
    except (OSError, ValueError, KeyError) as error:
        raise Incompatible(f"transformers cannot load the backbone in {folder}: {error}") from error
    if quantised:
        for module in encoder.modules():
            if isinstance(module, fourbit.bitsandbytes.nn.Linear4bit):
                fourbit.keep_differentiable(module)
        encoder.set_input_embeddings(fourbit.quantise_table(encoder.get_input_embeddings()))
    model: nn.Module = encoder
    return model


def _max_positions(encoder: Any) -> int:  # noqa: ANN401 - transformers is followed without types
    limit = int(getattr(encoder.config, "max_position_embeddings", 0) or 1 << 20)
    table = getattr(getattr(encoder, "embeddings", None), "position_embeddings", None)
    # RoBERTa and its kin count positions from behind the padding id.
    offset = getattr(table, "padding_idx", None)
    return limit if offset is None else limit - offset - 1
