"""The golden vectors of docs/protocol.md: the code and the second client seal and read those very bytes."""

import base64
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from conformance.v2 import sealing
from mfpt_shared.keys import SigningKey
from mfpt_shared.protocol.codec import decode, encode
from mfpt_shared.protocol.messages import Ack, Update
from mfpt_shared.protocol.seal import seal, unseal
from mfpt_shared.protocol.topics import parse
from support.document import blocks

KEYS, *VECTORS = blocks("Golden vectors")
PRIVATE: Final = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(KEYS["seed"]))
PUBLIC: Final = bytes.fromhex(KEYS["key"])

vector = pytest.mark.parametrize("written", VECTORS, ids=[one["topic"].rsplit("/", 1)[1] for one in VECTORS])


def in_bytes(value: str) -> bytes:
    """Return what a vector writes: text, with `\\n` for a line feed, or hexadecimal digits."""
    is_text = value.startswith(("{", "\\n", "mfpt"))
    return value.replace("\\n", "\n").encode() if is_text else bytes.fromhex(value)


def signed(written: dict[str, str]) -> bytes:
    prefix, _, rest = written["signed"].partition("<content>")
    assert rest == ""
    return in_bytes(prefix) + in_bytes(written["content"])


def payload(written: dict[str, str]) -> bytes:
    return in_bytes(written["content"]) + in_bytes(written["trailer"])


def test_there_is_one_vector_in_json_and_one_in_a_frame() -> None:
    messages = [decode(parse(one["topic"], "golden").topic, in_bytes(one["content"])) for one in VECTORS]
    assert [type(message) for message in messages] == [Ack, Update]


@vector
def test_the_code_makes_these_bytes(written: dict[str, str]) -> None:
    key = SigningKey(PRIVATE)
    assert key.public == PUBLIC
    assert seal(written["topic"], in_bytes(written["content"]), key) == payload(written)
    assert unseal(written["topic"], payload(written)) == (in_bytes(written["content"]), PUBLIC)


@vector
def test_the_code_encodes_the_content_in_these_bytes(written: dict[str, str]) -> None:
    content = in_bytes(written["content"])
    assert encode(decode(parse(written["topic"], "golden").topic, content)) == content


@vector
def test_the_signature_is_over_the_bytes_that_the_document_names(written: dict[str, str]) -> None:
    trailer = in_bytes(written["trailer"]).removeprefix(b"\n")
    raw = trailer if written["topic"].endswith("/up") else base64.urlsafe_b64decode(trailer)
    assert raw == PUBLIC + PRIVATE.sign(signed(written))


@vector
def test_the_second_client_makes_these_bytes(written: dict[str, str]) -> None:
    content = in_bytes(written["content"])
    assert sealing.seal(written["topic"], content, PRIVATE) == payload(written)
    assert sealing.unseal(written["topic"], payload(written)) == (content, PUBLIC)


@vector
def test_the_second_client_refuses_them_with_another_byte_anywhere(written: dict[str, str]) -> None:
    whole = payload(written)
    for at in range(len(whole)):
        altered = bytearray(whole)
        altered[at] ^= 1
        with pytest.raises(ValueError):
            sealing.unseal(written["topic"], bytes(altered))
