"""A message from the broker, taken apart, verified and decoded in one place."""

import pytest

from mfpt_shared.errors import DecodeError
from mfpt_shared.keys import SigningKey
from mfpt_shared.protocol.codec import Received, encode, understand
from mfpt_shared.protocol.frames import MAX_PAYLOAD
from mfpt_shared.protocol.messages import Assign, Ready
from mfpt_shared.protocol.seal import seal
from mfpt_shared.protocol.topics import CLIENT_DOWN, CLIENT_UP, Address

KEY = SigningKey.generate()
UP = CLIENT_UP.path("f", "d1")
READY = Ready(session=1, number=2, language="swh", examples=9, plan="p", backbone="b")


def test_a_message_comes_with_its_topic_and_key_and_with_whoever_signed_it() -> None:
    received = understand(UP, seal(UP, encode(READY), KEY), "f")
    assert received == Received(Address(CLIENT_UP, "d1"), READY, KEY.public, encode(READY))


def test_an_empty_payload_is_no_message() -> None:
    assert understand("mfpt/v1/f/prompt/swh", b"", "f") is None


def test_a_message_of_another_federation_is_refused() -> None:
    path = "mfpt/v1/g/client/d1/up"
    with pytest.raises(DecodeError, match="not a topic of federation 'f'"):
        understand(path, seal(path, encode(READY), KEY), "f")


def test_a_message_on_a_topic_of_another_type_is_refused() -> None:
    assignment = encode(Assign(version=1, deadline=60.0))
    down = CLIENT_DOWN.path("f", "d1")
    received = understand(down, seal(down, assignment, KEY), "f")
    assert received is not None and isinstance(received.message, Assign)
    with pytest.raises(DecodeError):
        understand(UP, seal(UP, assignment, KEY), "f")


def test_a_message_of_an_older_protocol_is_refused() -> None:
    older = encode(READY).replace(b'"protocol":2', b'"protocol":1')
    with pytest.raises(DecodeError, match="protocol"):
        understand(UP, seal(UP, older, KEY), "f")


def test_a_newer_side_may_add_fields() -> None:
    newer = encode(READY).replace(b'"protocol":2', b'"protocol":3,"mood":"sunny"')
    received = understand(UP, seal(UP, newer, KEY), "f")
    assert received is not None and isinstance(received.message, Ready)
    assert received.message.protocol == 3


def test_a_payload_that_is_too_long_is_refused_before_its_signature_is_looked_at() -> None:
    with pytest.raises(DecodeError, match="the limit is"):
        understand(UP, b"{" + b" " * MAX_PAYLOAD, "f")
