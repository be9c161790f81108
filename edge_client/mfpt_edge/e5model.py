"""multilingual-e5-small out of its weights file: the encoder, in the 4 bits as published, and its tokenizer."""

import unicodedata
from collections.abc import Sequence
from typing import Final

import numpy as np
import sentencepiece
import torch
from torch import Tensor, nn

from mfpt_edge import fourbit
from mfpt_edge.e5file import BLOCK_BYTES, E5File
from mfpt_edge.encoder import Shape

_TABLE: Final = "emb.word"
# Names of transformers' BertModel -> names of the file.
_EMBEDDINGS: Final = {
    "embeddings.position_embeddings.weight": "emb.pos",
    "embeddings.token_type_embeddings.weight": "emb.type",
    "embeddings.LayerNorm.weight": "emb.ln.w",
    "embeddings.LayerNorm.bias": "emb.ln.b",
}
_PARTS: Final = {
    "attention.self.query": "q",
    "attention.self.key": "k",
    "attention.self.value": "v",
    "attention.output.dense": "ao",
    "attention.output.LayerNorm": "aln",
    "intermediate.dense": "fi",
    "output.dense": "fo",
    "output.LayerNorm": "oln",
}
# What SentencePiece's `nmt_nfkc` does before NFKC: control characters go, all kinds of space become one.
_CONTROL: Final = (*range(0x01, 0x09), 0x0B, *range(0x0E, 0x20), 0x7F, 0x8F, 0x9F)
_SPACE: Final = (*(0x09, 0x0A, 0x0C, 0x0D, 0x1680), *range(0x200B, 0x2010), *(0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD))
_FOLDING: Final = {**dict.fromkeys(_CONTROL), **dict.fromkeys(_SPACE, " ")}


class BundledTokenizer:
    """The tokenizer of the bundled backbone: SentencePiece's unigram model, `<s> ... </s>` around every text."""

    def __init__(self, file: E5File) -> None:
        self._pieces = sentencepiece.SentencePieceProcessor(model_proto=file.sentencepiece_model())
        self._pad_id = file.pad_id

    @property
    def pad_id(self) -> int:
        """Id that fills up a batch."""
        return self._pad_id

    def encode(self, texts: Sequence[str], max_tokens: int) -> list[list[int]]:
        """Return the ids of every text; see `backbone.Tokenizer`."""
        first, last = self._pieces.bos_id(), self._pieces.eos_id()
        found: list[list[int]] = self._pieces.encode([normalise(text) for text in texts])
        return [[first, *ids[: max_tokens - 2], last] for ids in found]


def normalise(text: str) -> str:
    """Return a text as the tokenizer wants it: without control characters, in NFKC, with single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text.translate(_FOLDING)).split())


class BundledWeights:
    """See `encoder.Weights`."""

    def __init__(self, file: E5File, *, quantised: bool) -> None:
        """Wrap a file.

        Args:
            file: the weights.
            quantised: as they are; otherwise decoded to float32.
        """
        self._file = file
        self._quantised = quantised

    def vector(self, name: str) -> Tensor:
        """See Weights.vector."""
        return torch.from_numpy(self._file.tensor(_in_file(name)))

    def matrix(self, name: str) -> fourbit.Packed | Tensor:
        """See Weights.matrix."""
        own = _in_file(name)
        rows = len(self._file.tensor(f"{own.removesuffix('.w')}.b"))
        if not self._quantised:
            return torch.from_numpy(self._file.tensor(own).reshape(rows, -1))
        blocks = np.array(self._file.blocks(own))
        return fourbit.from_q4_0(torch.from_numpy(blocks), rows)

    def table(self) -> nn.Module:
        """See Weights.table."""
        width = self._file.config.hidden
        if self._quantised:
            blocks = self._file.blocks(_TABLE).reshape(-1, width // fourbit.Q4_0_BLOCK * BLOCK_BYTES)
            return fourbit.Q4Embedding(torch.from_numpy(blocks), width)
        table = torch.from_numpy(self._file.tensor(_TABLE).reshape(-1, width))
        return fourbit.plain_table(table)


def bundled_shape(file: E5File) -> Shape:
    """Return the shape of the encoder."""
    config = file.config
    return Shape(
        width=config.hidden,
        layers=config.layers,
        heads=config.heads,
        epsilon=config.layer_norm_eps,
        activation="gelu",
        first_position=0,
        positions=config.max_positions,
    )


def _in_file(name: str) -> str:
    """Return a tensor's name in the file: `encoder.layer.3.output.dense.weight` is `l3.fo.w`."""
    if name in _EMBEDDINGS:
        return _EMBEDDINGS[name]
    layer, _, rest = name.removeprefix("encoder.layer.").partition(".")
    part, _, leaf = rest.rpartition(".")
    return f"l{layer}.{_PARTS[part]}.{leaf[0]}"
