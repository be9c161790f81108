"""Whatever the bytes, the second client reads what somebody sealed for this topic, or raises ValueError."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from conformance.v2 import frames, sealing
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.seal import unseal
from support.wire import PROMPTS, READIES

KEY = Ed25519PrivateKey.generate()
TOPIC = "mfpt/v1/f/client/d1/up"


@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda tail: b"{" + tail))
def test_what_nobody_sealed_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError):
        sealing.unseal(TOPIC, payload)


@given(
    st.binary(max_size=60).map(lambda tail: b"MFPT\x02\x01" + tail)
    | PROMPTS.map(encode).map(lambda frame: frame[:-1] + bytes([frame[-1] ^ 1]))
)
def test_a_frame_that_is_none_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError):
        frames.read_frame(payload, frames.PROMPT)


@given((READIES | PROMPTS).map(encode))
def test_what_it_seals_the_project_reads(content: bytes) -> None:
    assert unseal(TOPIC, sealing.seal(TOPIC, content, KEY)) == (content, KEY.public_key().public_bytes_raw())
