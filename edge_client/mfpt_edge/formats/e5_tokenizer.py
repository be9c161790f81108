"""The tokenizer of the bundled backbone. Needs no torch."""

import unicodedata
from collections.abc import Sequence
from typing import Final

import sentencepiece

from mfpt_edge.formats.e5_file import E5File
from mfpt_edge.formats.word_pieces import WordPieces, joined

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

    def encode(self, texts: Sequence[str], max_tokens: int, pairs: Sequence[str] | None = None) -> list[list[int]]:
        """Return the ids of every text; see `backbone.parts.Tokenizer`."""
        return encode_pieces(self._pieces, texts, max_tokens, pairs)

    def encode_words(self, sentences: Sequence[Sequence[str]], max_tokens: int, prefix: str) -> list[WordPieces]:
        """Return the tokens of every sentence; see `backbone.parts.Tokenizer`."""
        return encode_word_pieces(self._pieces, sentences, max_tokens, prefix)


def encode_pieces(
    pieces: sentencepiece.SentencePieceProcessor,
    texts: Sequence[str],
    max_tokens: int,
    pairs: Sequence[str] | None = None,
) -> list[list[int]]:
    """Return the ids of every text, between the ids of `<s>` and `</s>`, cut to `max_tokens` in all.

    A pair becomes `<s> first </s> </s> second </s>`, as in XLM-R; the longer text is cut first.
    """
    first, last = pieces.bos_id(), pieces.eos_id()
    found: list[list[int]] = pieces.encode([normalise(text) for text in texts])
    if pairs is None:
        return [[first, *ids[: max_tokens - 2], last] for ids in found]
    others: list[list[int]] = pieces.encode([normalise(text) for text in pairs])
    cut = (_cut(one, other, max_tokens - 4) for one, other in zip(found, others, strict=True))
    return [[first, *one, last, last, *other, last] for one, other in cut]


def encode_word_pieces(
    pieces: sentencepiece.SentencePieceProcessor, sentences: Sequence[Sequence[str]], max_tokens: int, prefix: str
) -> list[WordPieces]:
    """Return the tokens of sentences of words, between the ids of `<s>` and `</s>`, cut to `max_tokens` in all.

    No piece reaches from one word into the next: each is encoded alone.
    """
    before = [pieces.bos_id(), *pieces.encode(normalise(prefix))]
    return [
        joined(before, pieces.encode([normalise(word) for word in words]), pieces.eos_id(), max_tokens)
        for words in sentences
    ]


def _cut(one: list[int], other: list[int], room: int) -> tuple[list[int], list[int]]:
    """Shorten the longer of two until both fit."""
    shorter = max(0, min(len(one), len(other), room // 2))
    rest = max(0, room - shorter)
    return (one[:rest], other[:shorter]) if len(one) > len(other) else (one[:shorter], other[:rest])


def normalise(text: str) -> str:
    """Return a text as the tokenizer wants it: without control characters, in NFKC, with single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text.translate(_FOLDING)).split())
