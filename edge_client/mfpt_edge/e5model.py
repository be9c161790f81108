"""multilingual-e5-small out of its weights file: encoder, filled and quantised tensor by tensor, and tokenizer."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import tokenizers
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mfpt_edge import fourbit
from mfpt_edge.e5file import E5File

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
        """Return the ids of every text; see `backbone.Tokenizer`."""
        self._tokenizer.enable_truncation(max_tokens)
        return [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]


def bundled_encoder(file: E5File, device: torch.device, *, quantised: bool) -> nn.Module:
    """Build BertModel without weights, then fill it; the whole model is never held in 32 bits unless asked for.

    Args:
        file: the weights.
        device: where the encoder will live.
        quantised: NF4 for linear layers, and the token table as it lies in the file; otherwise float32.
    """
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
    # The buffers that BertModel made are on the meta device as well.
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
