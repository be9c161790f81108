"""Whatever the bytes, `decode` and `understand` give a message or raise DecodeError."""

import json
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfpt_shared import plan as plans
from mfpt_shared.errors import DecodeError
from mfpt_shared.keys import SigningKey
from mfpt_shared.protocol.bodies import MAX_TENSORS
from mfpt_shared.protocol.codec import decode, encode, understand
from mfpt_shared.protocol.frames import MAX_PAYLOAD
from mfpt_shared.protocol.messages import (
    Ack,
    Admitted,
    Assign,
    ClientState,
    CoordinatorState,
    Enrol,
    EvaluationReport,
    Masked,
    PlanNotice,
    Prompt,
    PromptHeader,
    Ready,
    Refused,
    Reject,
    Resync,
    Stop,
    Update,
    UpdateHeader,
)
from mfpt_shared.protocol.seal import seal
from mfpt_shared.protocol.topics import TOPICS, Topic
from mfpt_shared.tensors import Quantised, dense
from support.masked_messages import DOWN, UP
from support.wire import ON_TOPIC

THREE_GIGABYTES = 3 * 2**30
KEY = SigningKey.generate()
PATHS = [topic.path("f", "swh") for topic in TOPICS]


def assert_legal(topic: Topic, payload: bytes) -> None:
    """A message, with nothing in it that is not finite, or a DecodeError."""
    try:
        message = decode(topic, payload)
    except DecodeError:
        return
    if isinstance(message, Prompt | Update | Masked):
        assert type(message) in topic.frames
    if isinstance(message, Prompt | Update):
        tensors = message.state if isinstance(message, Prompt) else message.delta
        assert len(tensors) <= MAX_TENSORS
        for array in dense(tensors).values():
            assert np.isfinite(array).all()
            assert 1 <= array.ndim <= 2
            assert array.size > 0
    # What was understood can be said again.
    encode(message)


VALID = st.one_of(*(strategy.map(encode) for _, strategy in ON_TOPIC))
# Drawing valid messages is most of the work, so mutations start from a few of each kind.
NAN_PAYLOAD = struct.pack("<f", float("nan"))


def _samples() -> list[bytes]:
    header = UpdateHeader(sequence=1, language="swh", base_version=0, examples=9, plan="p", backbone="b")
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    return [
        encode(CoordinatorState(state="online", coordinator="c", version=3, started=1.5)),
        encode(ClientState(state="online", language="swh", phase="training", progress=0.5)),
        encode(Ready(language="swh", examples=9, plan="p", backbone="b")),
        encode(EvaluationReport(language="swh", version=1, accuracy=0.5, examples=9)),
        encode(Assign(version=1, deadline=60.0)),
        encode(Ack(sequence=1, staleness=2)),
        encode(Reject(sequence=1, reason="diverged", detail="no")),
        encode(Resync(sequence=1, version=2)),
        encode(Stop(reason="finished", version=2)),
        encode(PlanNotice(digest="p", plan=plans.Plan(task=plans.Task(labels=("a", "b"))))),
        encode(Enrol(nonce="n", user="d1", password="p", client="c", proof="x", language="swh")),
        encode(Admitted(nonce="n", role="device", language="swh", max_examples=9)),
        encode(Refused(nonce="n", reason="expired", detail="no")),
        encode(Prompt(PromptHeader(language="swh", version=1, plan="p", backbone="b"), {"x": values.astype("f2")})),
        encode(Update(header, {"x": values})),
        encode(Update(header, {"x": Quantised(values.astype(np.int8), np.ones(2, np.float32)), "y": values[0]})),
        *map(encode, (UP | DOWN).values()),
    ]


SAMPLES = _samples()


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    payload = bytearray(draw(st.sampled_from(SAMPLES)))
    for kind in draw(st.lists(st.sampled_from(["flip", "cut", "grow", "splice", "checksum"]), min_size=1, max_size=3)):
        at = draw(st.integers(0, len(payload)))
        if kind == "flip" and at < len(payload):
            payload[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "cut":
            del payload[at:]
        elif kind == "grow":
            payload += draw(st.binary(max_size=20))
        elif kind == "splice":
            other = draw(st.sampled_from(SAMPLES))
            payload[at:] = other[draw(st.integers(0, len(other))) :]
        elif kind == "checksum" and len(payload) > 4:
            payload[-4:] = struct.pack("<I", zlib.crc32(payload[:-4]))
    return bytes(payload)


HOSTILE_JSON = st.sampled_from(
    [
        b"",
        b"{}",
        b"null",
        b"[" * 5000,
        b'{"a":' * 5000,
        b'{"language":"swh","version":1e999,"plan":"","backbone":""}',
        b'{"language":"swh","version":' + b"9" * 5000 + b',"plan":"","backbone":""}',
        b'{"language":"\\ud800","version":1,"plan":"","backbone":""}',
        b'{"language":"swh","version":1,"plan":"\xff","backbone":""}',
        b'{"language":"swh","version":-1,"plan":"","backbone":""}',
    ]
)
GOOD_HEADERS = st.sampled_from(
    [
        b'{"language":"swh","version":1,"plan":"","backbone":""}',
        b'{"sequence":1,"language":"swh","base_version":0,"examples":1,"plan":"","backbone":""}',
        b'{"cohort":"c","sequence":1}',
    ]
)
DTYPES = {"F32": 4, "F16": 2, "I8": 1, "F64": 8, "BF16": 2, "I64": 8, "BOOL": 1, "F4": 1, "X": 4, "": 1}
HOSTILE_SHAPES = st.sampled_from([[], [0], [2], [2, 2], [1, 1, 1], [2, 0], [2**31, 2**31], [THREE_GIGABYTES], [-1]])
NAMES = st.sampled_from(["x", "x:scale", "y", "x:scale:scale", "", ":scale", "é" * 50, "__metadata__"])
CONTENT = st.sampled_from(
    [b"\0", b"\x01", b"\xff", NAN_PAYLOAD, struct.pack("<f", float("inf")), b"\x00\x7c", b"\xff\x7f"]
)


@st.composite
def safetensors_bodies(draw: st.DrawFn) -> bytes:
    """A safetensors body whose header is written by hand, so that it may lie, and may name a tensor twice."""
    entries, data = [], b""
    for _ in range(draw(st.integers(0, 3))):
        name, dtype = draw(NAMES), draw(st.sampled_from(["F32", "F16", "I8", *DTYPES]))
        shape = draw(st.sampled_from([[1], [2], [1, 2], [2, 2]]) | HOSTILE_SHAPES)
        count = int(np.prod(shape)) if all(0 < side < 10 for side in shape) else draw(st.integers(0, 8))
        length = count * DTYPES[dtype]
        pattern = draw(CONTENT)
        offsets = [len(data), len(data) + length]
        data += (pattern * length)[:length]
        if draw(st.integers(0, 9)) == 0:
            offsets = draw(st.sampled_from([[0, THREE_GIGABYTES], [5, 1], [-1, 2], [0, 2**63], [0.5, 1], "no", []]))
        about = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
        entries.append(f"{json.dumps(name)}:{json.dumps(about)}")
    header = draw(st.just(("{" + ",".join(entries) + "}").encode()) | (HOSTILE_JSON if not entries else st.nothing()))
    length = draw(st.just(len(header)) | st.sampled_from([0, THREE_GIGABYTES, 2**63, 2**64 - 1]))
    return struct.pack("<Q", length) + header + data


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """A frame whose checksum is right, whatever its content."""
    head = draw(GOOD_HEADERS | GOOD_HEADERS | HOSTILE_JSON)
    body = draw(safetensors_bodies() | safetensors_bodies() | st.binary(max_size=40))
    lengths = [len(head), len(body)]
    if draw(st.integers(0, 9)) == 0:
        lengths[draw(st.integers(0, 1))] = draw(
            st.sampled_from([THREE_GIGABYTES, 2**32 - 1, 0, len(head) + len(body), MAX_PAYLOAD])
        )
    kind, version = draw(st.sampled_from([1, 2, 2, 1, 3, 0, 4])), draw(st.sampled_from([2, 2, 2, 2, 1, 255]))
    frame = struct.pack("<4sBBHII", b"MFPT", version, kind, 0, *lengths) + head + body
    return frame + struct.pack("<I", zlib.crc32(frame))


@settings(max_examples=5500)
@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda tail: b"MFPT\x02" + tail))
def test_random_bytes_are_a_message_or_a_decode_error(payload: bytes) -> None:
    for topic in TOPICS:
        assert_legal(topic, payload)


@settings(max_examples=2500)
@given(mutated())
def test_a_damaged_message_is_a_message_or_a_decode_error(payload: bytes) -> None:
    for topic in TOPICS:
        assert_legal(topic, payload)


@settings(max_examples=2000)
@given(frames())
def test_a_well_formed_frame_with_hostile_content_is_a_message_or_a_decode_error(payload: bytes) -> None:
    for topic in TOPICS:
        assert_legal(topic, payload)


@settings(max_examples=300)
@given(VALID, st.sampled_from(TOPICS))
def test_a_message_on_a_foreign_topic_is_a_message_or_a_decode_error(payload: bytes, topic: Topic) -> None:
    assert_legal(topic, payload)


@settings(max_examples=1000)
@given(
    st.binary(min_size=1, max_size=300)
    | st.binary(max_size=300).map(lambda tail: b"{" + tail)
    | mutated().filter(lambda payload: payload != b"")
)
def test_what_nobody_signed_is_refused_on_every_topic(payload: bytes) -> None:
    for path in PATHS:
        with pytest.raises(DecodeError):
            understand(path, payload, "f")


@settings(max_examples=700)
@given(mutated() | frames() | st.binary(min_size=1, max_size=60))
def test_whatever_somebody_signs_is_a_message_or_a_decode_error(content: bytes) -> None:
    for path in PATHS:
        try:
            received = understand(path, seal(path, content, KEY), "f")
        except DecodeError:
            continue
        assert received is not None
        assert (received.signer, received.content) == (KEY.public, content)
