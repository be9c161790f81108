"""The tokenizer in a graph's folder: `sentencepiece.model` or `tokenizer.json`. Needs no torch."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import sentencepiece

from mfpt_edge.formats.e5_tokenizer import encode_pieces, encode_word_pieces
from mfpt_edge.formats.word_pieces import WordPieces, encode_joined
from mfpt_shared.errors import Damaged

SENTENCEPIECE: Final = "sentencepiece.model"
TOKENIZER: Final = "tokenizer.json"


class GraphTokenizer(NamedTuple):
    """Text to token ids with special tokens; see `backbone.parts.Tokenizer` for what is given and returned.

    Attributes:
        encode: From texts, the most tokens of each, and second texts to ids.
        encode_words: From sentences of words, the most tokens of each, and a text before each to tokens.
    """

    encode: Callable[[Sequence[str], int, Sequence[str] | None], list[list[int]]]
    encode_words: Callable[[Sequence[Sequence[str]], int, str], list[WordPieces]]


def of_pieces(pieces: sentencepiece.SentencePieceProcessor) -> GraphTokenizer:
    """Return the bundled backbone's tokenizer."""
    return GraphTokenizer(
        lambda texts, limit, pairs: encode_pieces(pieces, texts, limit, pairs),
        lambda sentences, limit, prefix: encode_word_pieces(pieces, sentences, limit, prefix),
    )


def load_tokenizer(folder: Path) -> GraphTokenizer:
    """Return a folder's tokenizer.

    Raises:
        Damaged: It cannot be read.
    """
    if (folder / SENTENCEPIECE).exists():
        try:
            return of_pieces(sentencepiece.SentencePieceProcessor(model_file=str(folder / SENTENCEPIECE)))
        except (OSError, RuntimeError) as error:
            raise Damaged(f"{folder / SENTENCEPIECE} is damaged: remove {folder} and export it again") from error
    from tokenizers import Tokenizer  # noqa: PLC0415 - the bundled backbone does without

    try:
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    except Exception as error:  # it raises no other
        raise Damaged(f"{folder / TOKENIZER} is damaged: remove {folder} and export it again") from error

    def encodings(entries: Sequence[Any], limit: int) -> Sequence[Any]:
        tokenizer.enable_truncation(limit)
        found: Sequence[Any] = tokenizer.encode_batch(list(entries))
        return found

    def encode(texts: Sequence[str], limit: int, pairs: Sequence[str] | None) -> list[list[int]]:
        entries = texts if pairs is None else list(zip(texts, pairs, strict=True))
        return [encoding.ids for encoding in encodings(entries, limit)]

    def encode_words(sentences: Sequence[Sequence[str]], limit: int, prefix: str) -> list[WordPieces]:
        return encode_joined(lambda texts: encodings(texts, limit), sentences, prefix)

    return GraphTokenizer(encode, encode_words)
