"""Sentences of words as tokens, and the token that stands for each word: its first. Needs no torch.

A word that gives no token, such as a lone control character, is answered from the token that follows it. A word beyond
the most tokens that a sentence may have is cut off, and so is every word after it.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, Final, NamedTuple

CUT: Final = -1
"""Place of a word that was cut off."""


class WordPieces(NamedTuple):
    """A sentence as tokens.

    Attributes:
        ids: Ids of the tokens, special ones included.
        places: For every word the index in `ids` of the token that stands for it, or `CUT`.
    """

    ids: list[int]
    places: list[int]


def joined(before: Sequence[int], words: Sequence[Sequence[int]], after: int, max_tokens: int) -> WordPieces:
    """Put the tokens of words one after the other.

    Args:
        before: Tokens before the first word.
        words: Tokens of every word.
        after: Token that ends the sentence.
        max_tokens: Most tokens in all.
    """
    ids = [*before, *(token for word in words for token in word)]
    room = max_tokens - 1
    places = list(accumulate((len(word) for word in words[:-1]), initial=len(before)))[: len(words)]
    # What ends the sentence stands for words without a token at its end.
    last = room - 1 if len(ids) > room else len(ids)
    return WordPieces([*ids[:room], after], [place if place <= last else CUT for place in places])


def encode_joined(
    texts_to_encodings: Callable[[list[str]], Sequence[Any]], sentences: Sequence[Sequence[str]], prefix: str
) -> list[WordPieces]:
    """Encode sentences with a tokenizer that says where in a text its tokens are.

    Args:
        texts_to_encodings: The tokenizer: from texts to `tokenizers.Encoding`s, cut to the most tokens.
        sentences: Words of every sentence.
        prefix: Text before every sentence.
    """
    if not sentences:
        return []
    found = texts_to_encodings([prefix + " ".join(words) for words in sentences])
    return [
        WordPieces(list(encoding.ids), _places(encoding, len(prefix), words))
        for encoding, words in zip(found, sentences, strict=True)
    ]


def _places(encoding: Any, begin: int, words: Sequence[str]) -> list[int]:  # noqa: ANN401 - tokenizers has no types
    """Return the place of every word; special tokens are nowhere in the text, from 0 to 0."""
    offsets: list[tuple[int, int]] = encoding.offsets
    places, at = [], 0
    beyond = CUT if encoding.overflowing else len(offsets) - 1
    for word in words:
        while at < len(offsets) and offsets[at][1] <= begin:
            at += 1
        places.append(at if at < len(offsets) else beyond)
        begin += len(word) + 1
    return places
