"""Words as tokens: every word that fits has a token that stands for it, whatever the tokenizer."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mfpt_edge.backbone.transformers_files import PretrainedTokenizer
from mfpt_edge.bundled.place import find_file
from mfpt_edge.formats.e5_file import E5File
from mfpt_edge.formats.e5_tokenizer import BundledTokenizer
from mfpt_edge.formats.word_pieces import CUT, WordPieces
from mfpt_edge.inference.graph_tokenizer import load_tokenizer

EncodeWords = Callable[[Sequence[Sequence[str]], int, str], list[WordPieces]]
NOTHING = "\u2009"
"""A space, of which no tokenizer makes a token."""


@pytest.fixture(scope="module", params=["bundled", "transformers", "tokenizers"])
def encode_words(request: pytest.FixtureRequest, tiny_folder: Callable[[str], Path]) -> EncodeWords:
    """Three ways to encode words: with sentencepiece, with transformers, and with a graph's `tokenizer.json`."""
    if request.param == "bundled":
        return BundledTokenizer(E5File(find_file())).encode_words
    if request.param == "tokenizers":
        return load_tokenizer(tiny_folder("Bert")).encode_words
    return PretrainedTokenizer(tiny_folder("Bert")).encode_words


def test_each_word_is_where_its_first_token_is(encode_words: EncodeWords) -> None:
    ((ids, places),) = encode_words([("the", "food", "was", "good")], 32, "query: ")
    alone = [encode_words([(word,)], 32, "query: ")[0] for word in ("the", "food", "was", "good")]
    assert [ids[place] for place in places] == [one.ids[one.places[0]] for one in alone]
    assert places == sorted(set(places))


def test_words_that_do_not_fit_are_cut_off_from_the_end(encode_words: EncodeWords) -> None:
    ((ids, places),) = encode_words([("good",) * 30], 12, "query: ")
    kept = places.index(CUT)
    assert len(ids) == 12
    assert 0 < kept < 12
    assert places[kept:] == [CUT] * (30 - kept)
    assert CUT not in places[:kept]


@pytest.mark.parametrize("words", [("good", NOTHING, "food"), ("good", NOTHING), (NOTHING,)])
def test_a_word_without_a_token_has_the_place_of_what_follows(
    encode_words: EncodeWords, words: tuple[str, ...]
) -> None:
    ((ids, places),) = encode_words([words], 32, "query: ")
    assert len(places) == len(words)
    assert all(0 <= place < len(ids) for place in places)
    following = places[words.index(NOTHING) + 1 :]
    assert places[words.index(NOTHING)] == (following[0] if following else len(ids) - 1)


def test_a_sentence_without_words_is_its_prefix(encode_words: EncodeWords) -> None:
    empty, full = encode_words([(), ("good",)], 32, "query: ")
    assert empty.places == []
    assert full.ids[: len(empty.ids) - 1] == empty.ids[:-1]


def test_words_are_tokens_as_they_are_in_a_text() -> None:
    tokenizer = BundledTokenizer(E5File(find_file()))
    words = ("Bei", "ya", "mafuta", "imepanda", ".")
    (text,) = tokenizer.encode([f"query: {' '.join(words)}"], 64)
    assert tokenizer.encode_words([words], 64, "query: ")[0].ids == text
