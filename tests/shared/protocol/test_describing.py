"""What people are shown of a message: every byte of it, and what each field means."""

from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfpt_shared.errors import DecodeError
from mfpt_shared.keys import SigningKey
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.describing import PUNCTUATION, describe, undescribed
from mfpt_shared.protocol.meanings import meaning
from mfpt_shared.protocol.messages import ClientState, Enrol, MaskedHeader, Metrics, UpdateHeader, UpJson
from mfpt_shared.protocol.seal import seal
from mfpt_shared.protocol.topics import Topic
from support.wire import ON_TOPIC

KEY = SigningKey.generate()
GOLDEN = Path(__file__).parent / "golden"
UP = "mfpt/v1/radio/client/d1/up"


def golden(name: str) -> tuple[str, bytes]:
    return UP, seal(UP, (GOLDEN / name).read_bytes(), KEY)


FROM_DEVICES = [(topic, strategy) for topic, strategy in ON_TOPIC if topic.sender == "client"]


@pytest.mark.parametrize(("topic", "strategy"), FROM_DEVICES, ids=[topic.name for topic, _ in FROM_DEVICES])
def test_the_parts_of_any_message_add_up_to_its_payload(topic: Topic, strategy: st.SearchStrategy[Any]) -> None:
    path = topic.path("radio", "d1")

    @settings(max_examples=20)
    @given(strategy)
    def adds_up(message: Any) -> None:
        payload = seal(path, encode(message), KEY)
        parts = describe(path, payload).parts

        assert sum(part.bytes for part in parts) == len(payload)
        assert all(part.bytes > 0 for part in parts)

    adds_up()


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        *((str(one.__struct_config__.tag), one) for one in get_args(UpJson)),
        *(("state", ClientState), ("enrol", Enrol), ("update", UpdateHeader), ("masked", MaskedHeader)),
        ("update", Metrics),
    ],
)
def test_every_field_that_leaves_a_device_says_what_it_means(kind: str, message: Any) -> None:
    group = "metrics." if message is Metrics else ""
    names = [group + name for name in message.__struct_fields__ if name != "metrics"]

    assert [name for name in names if not meaning(kind, name)] == []


def test_a_field_takes_what_is_written_of_it() -> None:
    described = describe(*golden("ready.json"))
    shown = {part.name: (part.bytes, part.value) for part in described.parts}

    assert described.kind == "ready"
    assert shown["examples"] == (len('"examples":128'), "128")
    assert shown["language"] == (len('"language":"swh"'), "swh")
    assert shown[PUNCTUATION][0] == len("{}") + len(shown) - 3  # commas, between all but punctuation and signature


def test_a_group_of_fields_is_shown_field_by_field() -> None:
    shown = {part.name: part for part in describe(*golden("update-int8.mfpt")).parts}

    assert shown["metrics.accuracy"].value == "0.75"
    assert shown["metrics.accuracy"].bytes == len('"accuracy":0.75')


def test_tensors_are_shown_with_their_sizes_and_the_range_of_their_numbers() -> None:
    shown = {part.name: part for part in describe(*golden("update-int8.mfpt")).parts}

    assert shown["prompt"].value == "2 x 3 numbers, 8 bits each, from -127 to 127"
    assert (shown["prompt"].bytes, shown["prompt:scale"].bytes) == (6, 8)


@settings(max_examples=50)
@given(st.binary(min_size=1, max_size=400) | st.binary(max_size=200).map(lambda more: b"{" + more))
def test_bytes_that_are_no_message_are_refused_and_nothing_else_happens(payload: bytes) -> None:
    with pytest.raises(DecodeError):
        describe(UP, payload)


def test_a_message_that_removes_another_has_no_parts() -> None:
    assert describe("mfpt/v1/radio/client/d1/state", b"") == ("state", ())


def test_what_cannot_be_read_is_one_part() -> None:
    assert [part.bytes for part in undescribed(UP, b"abc").parts] == [3]
