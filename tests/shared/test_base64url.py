"""Bytes as text: one text for them, and no other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfpt_shared.base64url import decoded, encoded
from mfpt_shared.errors import DecodeError


@given(st.binary(max_size=40))
def test_bytes_survive_their_text(data: bytes) -> None:
    assert decoded(encoded(data)) == data


@pytest.mark.parametrize("text", ["A", "AA==", "AB", "AAA+", "AA/A", "AA\n", "A A", "ÄAAA", "AAAAA"])
def test_another_spelling_is_refused(text: str) -> None:
    with pytest.raises(DecodeError):
        decoded(text)
