"""The bundled weights file: verified, decoded tensor by tensor, with a tokenizer that does as the original."""

from pathlib import Path

import numpy as np
import pytest

from mfpt_edge.bundled.place import find_file
from mfpt_edge.formats.e5_file import E5File
from mfpt_edge.formats.e5_tokenizer import BundledTokenizer
from mfpt_edge.formats.q4_0 import dequantise
from mfpt_shared.backbones.describe import describe
from mfpt_shared.errors import Damaged


@pytest.fixture(scope="module")
def e5() -> E5File:
    return E5File(find_file())


@pytest.fixture(scope="module")
def tokenizer(e5: E5File) -> BundledTokenizer:
    return BundledTokenizer(e5)


def test_the_file_is_what_the_plan_is_told_about_it(e5: E5File) -> None:
    facts = describe("bundled:multilingual-e5-small")
    assert (e5.config.hidden, e5.config.layers) == (facts.width, facts.layers)
    assert (e5.config.heads, e5.config.ffn, e5.config.vocab, e5.config.max_positions) == (12, 1536, 250_037, 512)


def test_a_block_decodes_to_the_scale_times_nibbles_less_eight() -> None:
    block = np.zeros((1, 18), np.uint8)
    block[0, :2] = np.array([0.5], "<f2").view(np.uint8)
    block[0, 2] = 0xF0  # weight 0 has nibble 0, weight 16 has nibble 15
    expected = np.full((1, 32), -4.0, np.float32)
    expected[0, 16] = 3.5
    np.testing.assert_array_equal(dequantise(block), expected)


def test_tensors_have_the_size_and_the_statistics_of_a_trained_model(e5: E5File) -> None:
    assert e5.vector("embeddings.position_embeddings.weight").size == 512 * 384
    weight = e5.vector("encoder.layer.11.output.dense.weight")
    assert weight.dtype == np.float32
    assert weight.size == 384 * 1536
    assert 0.01 < weight.std() < 0.1
    assert abs(e5.vector("encoder.layer.0.attention.output.LayerNorm.weight").mean() - 1) < 0.5


def test_rows_decode_alike_alone_and_with_the_whole_table(e5: E5File) -> None:
    packed = e5.blocks("embeddings.word_embeddings.weight").reshape(250_037, -1)
    table = e5.vector("embeddings.word_embeddings.weight").reshape(-1, 384)
    np.testing.assert_array_equal(dequantise(packed[41].reshape(-1, 18)).reshape(-1), table[41])


def test_tokens_are_those_of_xlm_roberta(tokenizer: BundledTokenizer) -> None:
    # <s> ▁que ry : ▁Habari ▁ya ▁asubuhi </s>
    assert tokenizer.encode(["query: Habari ya asubuhi"], 64) == [[0, 41, 1294, 12, 28017, 151, 181748, 2]]
    assert tokenizer.encode(["query: Habari ya asubuhi"], 5) == [[0, 41, 1294, 12, 2]]
    assert tokenizer.pad_id == 1


@pytest.mark.parametrize(
    ("typed", "same"),
    [
        ("  Habari \t ya\n\nasubuhi ", "Habari ya asubuhi"),
        ("o\u0301 da\u0301ra", "ó dára"),
        ("Ｈａｂａｒｉ", "Habari"),
        ("Ha\u0001bari", "Habari"),
    ],
)
def test_spaces_and_unicode_forms_make_no_difference(tokenizer: BundledTokenizer, typed: str, same: str) -> None:
    first, second = tokenizer.encode([typed, same], 64)
    assert first == second


def test_a_file_of_another_size_or_content_is_refused(tmp_path: Path) -> None:
    short = tmp_path / "short.bin"
    short.write_bytes(b"E5S1")
    other = tmp_path / "other.bin"
    with other.open("wb") as stream:
        stream.truncate(find_file().stat().st_size)
    for path in (short, other):
        with pytest.raises(Damaged, match="damaged"):
            E5File(path)
