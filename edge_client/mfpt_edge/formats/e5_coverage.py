"""How long texts are for the bundled backbone, and how much of them its vocabulary does not have. Needs no torch."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import sentencepiece

from mfpt_edge.formats.e5_tokenizer import normalise

_SPACE: Final = "\u2581"  # what SentencePiece writes for a space before a word


class Coverage(NamedTuple):
    """What a vocabulary makes of one text.

    Attributes:
        tokens: Number of tokens, without special ones.
        characters: Number of characters, without white space.
        unknown: Number of these that no token but `<unk>` stands for.
    """

    tokens: int
    characters: int
    unknown: int


def coverage(pieces: sentencepiece.SentencePieceProcessor, texts: Sequence[str]) -> list[Coverage]:
    """Return what a vocabulary makes of texts. What it does not know stands in the pieces as it was written."""
    normal = [normalise(text) for text in texts]
    ids: list[list[int]] = pieces.encode(normal)
    written: list[list[str]] = pieces.encode(normal, out_type=str)
    return [
        Coverage(
            len(numbers),
            sum(not char.isspace() for char in text),
            sum(
                len(piece.replace(_SPACE, ""))
                for number, piece in zip(numbers, words, strict=True)
                if number == pieces.unk_id()
            ),
        )
        for text, numbers, words in zip(normal, ids, written, strict=True)
    ]
