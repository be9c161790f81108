"""A sealed payload is what its signer made it, for the topic that it was made for, or it is refused."""

import base64
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfpt_shared.errors import DecodeError
from mfpt_shared.keys import SigningKey
from mfpt_shared.protocol.codec import encode, understand
from mfpt_shared.protocol.seal import Sealed, seal, unseal
from mfpt_shared.protocol.topics import TOPICS
from support.wire import ON_TOPIC

KEY = SigningKey.generate()
TRAILER = 96  # bytes of key and signature
PATH = "mfpt/v1/f/client/d1/down"
JSON = b'{"type":"ack","sequence":3}'
FRAME = b"MFPT" + bytes(range(100))
CONTENTS = st.one_of(*(strategy.map(encode) for _, strategy in ON_TOPIC))
FEW_CONTENTS = st.sampled_from([JSON, FRAME])
PATHS = st.sampled_from([topic.path(federation, "swh") for topic in TOPICS for federation in ("f", "g")])


@settings(max_examples=200)
@given(PATHS, CONTENTS)
def test_what_was_sealed_is_read_with_the_key_of_whoever_sealed_it(path: str, content: bytes) -> None:
    assert unseal(path, seal(path, content, KEY)) == Sealed(content, KEY.public)


@settings(max_examples=1000)
@given(st.data(), FEW_CONTENTS)
def test_a_byte_that_was_altered_anywhere_is_noticed(data: st.DataObject, content: bytes) -> None:
    payload = bytearray(seal(PATH, content, KEY))
    payload[data.draw(st.integers(0, len(payload) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(DecodeError):
        unseal(PATH, bytes(payload))


@pytest.mark.parametrize("content", [JSON, FRAME], ids=["JSON", "frame"])
def test_a_payload_that_was_cut_anywhere_is_refused(content: bytes) -> None:
    payload = seal(PATH, content, KEY)
    for length in range(len(payload)):
        with pytest.raises(DecodeError):
            unseal(PATH, payload[:length])


@given(PATHS, PATHS, FEW_CONTENTS)
def test_a_message_that_was_moved_to_another_topic_or_federation_is_refused(
    made_for: str, moved_to: str, content: bytes
) -> None:
    payload = seal(made_for, content, KEY)
    if made_for == moved_to:
        assert unseal(moved_to, payload).content == content
        return
    with pytest.raises(DecodeError, match="made for another topic"):
        unseal(moved_to, payload)


def test_the_border_between_topic_and_content_cannot_be_moved() -> None:
    """The line feed between them is signed, and no topic holds another."""
    payload = seal("mfpt/v1/f/plan", b"{}\n{}", KEY)
    with pytest.raises(DecodeError, match="not a topic"):
        understand("mfpt/v1/f/plan\n{}", payload[3:], "f")


@given(FEW_CONTENTS)
def test_a_signature_under_another_name_is_refused(content: bytes) -> None:
    """Whoever puts the own key before a signature of somebody else has signed nothing."""
    other = SigningKey.generate()
    signature = unseal_raw(seal(PATH, content, KEY))[1]
    with pytest.raises(DecodeError):
        unseal(PATH, with_trailer(content, other.public + signature))


@pytest.mark.parametrize("content", [JSON, FRAME, b"", b"{", b"{}\n"])
def test_what_is_not_signed_is_refused(content: bytes) -> None:
    with pytest.raises(DecodeError):
        unseal(PATH, content)


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda text: text.translate(bytes.maketrans(b"-_", b"+/")),
        lambda text: text[:-1] + b"=",
        lambda text: text[:-1] + b" ",
        lambda text: text[:-1] + b"\xff",
        lambda text: text + b"\n",
        lambda text: text + b"AAAA",
        lambda text: text[:-4],
        lambda text: b"",
    ],
    ids=["other alphabet", "padding", "space", "not ASCII", "line feed", "too long", "too short", "none"],
)
def test_a_signature_has_one_spelling(spoilt: Callable[[bytes], bytes]) -> None:
    """A second one would be another message with the same meaning."""
    signatures = (seal(PATH, JSON, SigningKey.generate()).rpartition(b"\n")[2] for _ in range(100))
    text = next(one for one in signatures if b"-" in one or b"_" in one)
    with pytest.raises(DecodeError):
        unseal(PATH, JSON + b"\n" + spoilt(text))


def unseal_raw(payload: bytes) -> tuple[bytes, bytes]:
    """Return key and signature of a payload, without a look at what they are worth."""
    raw = base64.urlsafe_b64decode(payload[-128:]) if payload[:1] == b"{" else payload[-TRAILER:]
    return raw[:32], raw[32:]


def with_trailer(content: bytes, trailer: bytes) -> bytes:
    """Return content with key and signature behind it."""
    return content + (b"\n" + base64.urlsafe_b64encode(trailer) if content[:1] == b"{" else trailer)
