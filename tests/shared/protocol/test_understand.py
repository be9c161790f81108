"""A message from the broker, taken apart and decoded in one place."""

import pytest

from mfpt_shared.errors import DecodeError
from mfpt_shared.protocol.codec import Received, encode, understand
from mfpt_shared.protocol.messages import Assign, Ready
from mfpt_shared.protocol.topics import CLIENT_DOWN, CLIENT_UP, PROMPT, Address

READY = Ready(language="swh", examples=9, plan="p", backbone="b")


def test_a_message_comes_with_its_topic_and_key() -> None:
    received = understand("mfpt/v1/f/client/d1/up", encode(READY), "f")
    assert received == Received(Address(CLIENT_UP, "d1"), READY)


def test_an_empty_payload_is_no_message() -> None:
    received = understand("mfpt/v1/f/prompt/swh", b"", "f")
    assert received == Received(Address(PROMPT, "swh"), None)


def test_a_message_of_another_federation_is_refused() -> None:
    with pytest.raises(DecodeError, match="not a topic of federation 'f'"):
        understand("mfpt/v1/g/client/d1/up", encode(READY), "f")


def test_a_message_on_a_topic_of_another_type_is_refused() -> None:
    assignment = Assign(version=1, deadline=60.0)
    assert understand(CLIENT_DOWN.path("f", "d1"), encode(assignment), "f").message == assignment
    with pytest.raises(DecodeError):
        understand(CLIENT_UP.path("f", "d1"), encode(assignment), "f")
