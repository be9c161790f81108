"""Properties of the codec: whatever the bytes, a message or a DecodeError; whatever the message, itself again."""

import json
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mfpt_shared import plan as plans
from mfpt_shared.errors import DecodeError
from mfpt_shared.protocol.codec import MAX_PAYLOAD, MAX_TENSORS, Decoded, decode, encode
from mfpt_shared.protocol.messages import (
    Ack,
    Assign,
    ClientState,
    ClientStatus,
    CoordinatorState,
    EvaluationReport,
    FederationStatus,
    LanguageStatus,
    Metrics,
    Prompt,
    PromptHeader,
    Ready,
    Reject,
    Resync,
    Stop,
    Tensors,
    Update,
    UpdateCounts,
    UpdateHeader,
)
from mfpt_shared.protocol.topics import (
    CLIENT_DOWN,
    CLIENT_STATE,
    CLIENT_UP,
    COORDINATOR_STATE,
    COORDINATOR_STATUS,
    PLAN,
    PROMPT,
    TOPICS,
    Topic,
)
from mfpt_shared.tensors import Quantised, dense

THREE_GIGABYTES = 3 * 2**30
FLOAT32_MAX = float(np.finfo(np.float32).max)

# ---- valid messages ------------------------------------------------------------------------------------------------

VERSIONS = st.integers(0, 2**53)
SEQUENCES = st.integers(1, 2**53)
EXAMPLES = st.integers(0, 10**12)
SECONDS = st.floats(0, 1e12)
SHARES = st.floats(0, 1)
TAGS = st.sampled_from(["swh", "zul", "und", "eng"])
IDENTIFIERS = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
DIGESTS = st.text("0123456789abcdef:", max_size=80)
TEXTS = st.text(max_size=40)
PHASES = st.sampled_from(["idle", "preparing", "training", "uploading", "evaluating", "done"])
ONLINE = st.sampled_from(["online", "offline"])
COUNTS = st.integers(0, 2**53)


def messages(kind: Any, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(kind, **fields)


COORDINATOR_STATES = messages(
    CoordinatorState, state=ONLINE, coordinator=IDENTIFIERS, version=VERSIONS, started=SECONDS
)
CLIENT_STATES = messages(
    ClientState, state=ONLINE, language=TAGS, phase=PHASES, progress=SHARES, version=VERSIONS, device=TEXTS
)
READIES = messages(Ready, language=TAGS, examples=EXAMPLES, plan=DIGESTS, backbone=DIGESTS)
EVALUATIONS = messages(EvaluationReport, language=TAGS, version=VERSIONS, accuracy=SHARES, examples=EXAMPLES)
DOWNS = st.one_of(
    messages(Assign, version=VERSIONS, deadline=SECONDS),
    messages(Ack, sequence=SEQUENCES, staleness=VERSIONS),
    messages(Reject, sequence=SEQUENCES, reason=st.sampled_from(["incompatible", "diverged"]), detail=TEXTS),
    messages(Resync, sequence=SEQUENCES, version=VERSIONS),
    messages(Stop, reason=st.sampled_from(["finished", "incompatible"]), version=VERSIONS, detail=TEXTS),
)
STATUSES = messages(
    FederationStatus,
    federation=TEXTS,
    plan=DIGESTS,
    version=COUNTS,
    folds=COUNTS,
    buffer=COUNTS,
    buffer_size=COUNTS,
    started=SECONDS,
    at=SECONDS,
    updates=messages(UpdateCounts, accepted=COUNTS, rejected=COUNTS, duplicate=COUNTS, stale=COUNTS),
    staleness=st.dictionaries(st.integers(0, 1000), COUNTS, max_size=3),
    languages=st.dictionaries(
        TAGS,
        messages(LanguageStatus, clients=COUNTS, examples=COUNTS, accuracy=st.none() | SHARES, contributed=COUNTS),
        max_size=3,
    ),
    clients=st.lists(
        messages(
            ClientStatus,
            id=IDENTIFIERS,
            language=TAGS,
            state=ONLINE,
            phase=PHASES,
            progress=SHARES,
            last_seen=SECONDS,
            examples=COUNTS,
            accuracy=st.none() | SHARES,
            device=TEXTS,
        ),
        max_size=2,
    ),
)
PLANS = messages(
    plans.Plan,
    task=messages(
        plans.Task, labels=st.lists(st.text(min_size=1, max_size=8), min_size=2, max_size=5, unique=True).map(tuple)
    ),
    federation=st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True),
    prompt=messages(
        plans.PromptSpec, method=st.sampled_from(["late", "prompt", "p-tuning"]), tokens=st.integers(1, 512)
    ),
    aggregation=messages(plans.Aggregation, temperature=st.floats(0, 1e9, exclude_min=True)),
)

SHAPES = hnp.array_shapes(min_dims=1, max_dims=2, max_side=4)
FLOATS = st.floats(allow_nan=False, allow_infinity=False, width=32)
HALVES = st.floats(allow_nan=False, allow_infinity=False, width=16)


@st.composite
def quantised(draw: st.DrawFn) -> Quantised:
    values = draw(hnp.arrays(np.int8, SHAPES))
    rows = len(values) if values.ndim > 1 else 1
    scale = draw(hnp.arrays(np.float32, (rows,), elements=st.floats(0, 2.0**120, width=32)))
    return Quantised(values, scale)


TENSORS = st.dictionaries(
    st.sampled_from(["prompt", "head.weight", "head.bias", "encoder.0.weight", "a:b", "ñ", ""]),
    hnp.arrays(np.float32, SHAPES, elements=FLOATS) | hnp.arrays(np.float16, SHAPES, elements=HALVES) | quantised(),
    max_size=4,
)
PROMPTS = st.builds(
    Prompt,
    messages(PromptHeader, language=TAGS, version=VERSIONS, plan=DIGESTS, backbone=DIGESTS, examples=EXAMPLES),
    TENSORS,
)
UPDATES = st.builds(
    Update,
    messages(
        UpdateHeader,
        sequence=SEQUENCES,
        language=TAGS,
        base_version=VERSIONS,
        examples=EXAMPLES,
        plan=DIGESTS,
        backbone=DIGESTS,
        metrics=messages(Metrics, loss=st.none() | st.floats(0, 1e9), accuracy=st.none() | SHARES),
        seconds=SECONDS,
    ),
    TENSORS,
)
ON_TOPIC: list[tuple[Topic, st.SearchStrategy[Any]]] = [
    (COORDINATOR_STATE, COORDINATOR_STATES),
    (COORDINATOR_STATUS, STATUSES),
    (PLAN, PLANS),
    (PROMPT, PROMPTS),
    (CLIENT_STATE, CLIENT_STATES),
    (CLIENT_UP, READIES | EVALUATIONS | UPDATES),
    (CLIENT_DOWN, DOWNS),
]


def assert_same_tensors(first: Tensors, second: Tensors) -> None:
    assert first.keys() == second.keys()
    for name in first:
        one, other = first[name], second[name]
        if isinstance(one, Quantised):
            assert isinstance(other, Quantised)
            pairs = list(zip(one, other, strict=True))
        else:
            assert not isinstance(other, Quantised)
            pairs = [(one, other)]
        for left, right in pairs:
            # Bytes, not values: 0.0 and -0.0 differ on the wire.
            assert (left.dtype, left.shape, left.tobytes()) == (right.dtype, right.shape, right.tobytes())


def assert_same(first: Decoded, second: Decoded) -> None:
    assert type(first) is type(second)
    if isinstance(first, Prompt) and isinstance(second, Prompt):
        assert first.header == second.header
        assert_same_tensors(first.state, second.state)
    elif isinstance(first, Update) and isinstance(second, Update):
        assert first.header == second.header
        assert_same_tensors(first.delta, second.delta)
    else:
        assert first == second


@pytest.mark.parametrize(("topic", "strategy"), ON_TOPIC, ids=[topic.name for topic, _ in ON_TOPIC])
def test_a_message_survives_its_way(topic: Topic, strategy: st.SearchStrategy[Any]) -> None:
    @settings(max_examples=150, deadline=None)
    @given(strategy)
    def there_and_back(message: Any) -> None:
        assert_same(decode(topic, encode(message)), message)

    there_and_back()


# ---- hostile bytes -------------------------------------------------------------------------------------------------


def assert_legal(topic: Topic, payload: bytes) -> None:
    """A message, with nothing in it that is not finite, or a DecodeError."""
    try:
        message = decode(topic, payload)
    except DecodeError:
        return
    if isinstance(message, Prompt | Update):
        assert topic.binary is type(message)
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
        encode(plans.Plan(task=plans.Task(labels=("a", "b")))),
        encode(Prompt(PromptHeader(language="swh", version=1, plan="p", backbone="b"), {"x": values.astype("f2")})),
        encode(Update(header, {"x": values})),
        encode(Update(header, {"x": Quantised(values.astype(np.int8), np.ones(2, np.float32)), "y": values[0]})),
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
    """A frame whose checksum is right, whatever stands in it."""
    head = draw(GOOD_HEADERS | GOOD_HEADERS | HOSTILE_JSON)
    body = draw(safetensors_bodies() | safetensors_bodies() | st.binary(max_size=40))
    lengths = [len(head), len(body)]
    if draw(st.integers(0, 9)) == 0:
        lengths[draw(st.integers(0, 1))] = draw(
            st.sampled_from([THREE_GIGABYTES, 2**32 - 1, 0, len(head) + len(body), MAX_PAYLOAD])
        )
    kind, version = draw(st.sampled_from([1, 2, 2, 1, 0, 3])), draw(st.sampled_from([1, 1, 1, 1, 0, 255]))
    frame = struct.pack("<4sBBHII", b"MFPT", version, kind, 0, *lengths) + head + body
    return frame + struct.pack("<I", zlib.crc32(frame))


@settings(max_examples=5500, deadline=None)
@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda tail: b"MFPT\x01" + tail))
def test_random_bytes_are_a_message_or_a_decode_error(payload: bytes) -> None:
    for topic in TOPICS:
        assert_legal(topic, payload)


@settings(max_examples=2500, deadline=None)
@given(mutated())
def test_a_damaged_message_is_a_message_or_a_decode_error(payload: bytes) -> None:
    for topic in TOPICS:
        assert_legal(topic, payload)


@settings(max_examples=2000, deadline=None)
@given(frames())
def test_a_well_formed_frame_with_hostile_content_is_a_message_or_a_decode_error(payload: bytes) -> None:
    for topic in TOPICS:
        assert_legal(topic, payload)


@settings(max_examples=300, deadline=None)
@given(VALID, st.sampled_from(TOPICS))
def test_a_message_on_a_foreign_topic_is_a_message_or_a_decode_error(payload: bytes, topic: Topic) -> None:
    assert_legal(topic, payload)


# ---- what must be refused, by name ---------------------------------------------------------------------------------


def body(**tensors: tuple[str, list[int], bytes]) -> bytes:
    entries, data = {}, b""
    for name, (dtype, shape, content) in tensors.items():
        entries[name.replace("_", ":")] = {
            "dtype": dtype,
            "shape": shape,
            "data_offsets": [len(data), len(data) + len(content)],
        }
        data += content
    header = json.dumps(entries).encode()
    return struct.pack("<Q", len(header)) + header + data


def frame(content: bytes, lengths: tuple[int, int] | None = None) -> bytes:
    head = b'{"sequence":1,"language":"swh","base_version":0,"examples":1,"plan":"","backbone":""}'
    start = struct.pack("<4sBBHII", b"MFPT", 1, 2, 0, *(lengths or (len(head), len(content))))
    return start + head + content + struct.pack("<I", zlib.crc32(start + head + content))


ONE = struct.pack("<f", 1.0)
INFINITE_HALF = np.array([np.inf], np.float16).tobytes()
REFUSED: dict[str, Callable[[], bytes]] = {
    "three gigabytes of body": lambda: frame(body(x=("F32", [1], ONE)), (85, THREE_GIGABYTES)),
    "three gigabytes of header": lambda: frame(body(x=("F32", [1], ONE)), (THREE_GIGABYTES, 1)),
    "three gigabytes of tensor header": lambda: frame(struct.pack("<Q", THREE_GIGABYTES) + b"{}"),
    "a tensor larger than its data": lambda: frame(body(x=("F32", [THREE_GIGABYTES], ONE))),
    "an unknown dtype": lambda: frame(body(x=("F64", [1], ONE * 2))),
    "a made-up dtype": lambda: frame(body(x=("Q7", [1], ONE))),
    "NaN": lambda: frame(body(x=("F32", [2], ONE + NAN_PAYLOAD))),
    "infinity in half precision": lambda: frame(body(x=("F16", [1], INFINITE_HALF))),
    "no dimension": lambda: frame(body(x=("F32", [], ONE))),
    "three dimensions": lambda: frame(body(x=("F32", [1, 1, 1], ONE))),
    "an empty dimension": lambda: frame(body(x=("F32", [0], b""))),
    "int8 without scale": lambda: frame(body(x=("I8", [2], b"\1\2"))),
    "int8 with too many scales": lambda: frame(body(x=("I8", [2], b"\1\2"), x_scale=("F32", [2], ONE * 2))),
    "int8 with a scale for each column": lambda: frame(body(x=("I8", [1, 2], b"\1\2"), x_scale=("F32", [2], ONE * 2))),
    "int8 with a half-precision scale": lambda: frame(body(x=("I8", [1], b"\1"), x_scale=("F16", [1], b"\0\x3c"))),
    "int8 with a scale that is not finite": lambda: frame(
        body(x=("I8", [1], b"\1"), x_scale=("F32", [1], NAN_PAYLOAD))
    ),
    "int8 that dequantises to infinity": lambda: frame(
        body(x=("I8", [1], b"\x7f"), x_scale=("F32", [1], struct.pack("<f", FLOAT32_MAX)))
    ),
    "too many tensors": lambda: frame(body(**{f"x{number}": ("F32", [1], ONE) for number in range(MAX_TENSORS + 1)})),
    "too many bytes": lambda: frame(b"\0" * MAX_PAYLOAD),
    "another frame version": lambda: b"MFPT\x02" + frame(body(x=("F32", [1], ONE)))[5:],
    "a flipped bit": lambda: frame(body(x=("F32", [1], ONE)))[:-1] + b"\0",
    "a missing byte": lambda: frame(body(x=("F32", [1], ONE)))[:-1],
    "a byte too much": lambda: frame(body(x=("F32", [1], ONE))) + b"\0",
    "a prompt where an update belongs": lambda: SAMPLES[10],
}


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused(name: str) -> None:
    with pytest.raises(DecodeError):
        decode(CLIENT_UP, REFUSED[name]())


def test_the_frames_of_these_tests_are_otherwise_good() -> None:
    update = decode(CLIENT_UP, frame(body(x=("I8", [2], b"\1\2"), x_scale=("F32", [1], ONE))))
    assert isinstance(update, Update)
    assert dense(update.delta)["x"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (CLIENT_STATE, b'{"state":"online","language":"swh\\n"}'),
        (COORDINATOR_STATE, b'{"state":"online","coordinator":"c\\n","version":0,"started":0}'),
    ],
    ids=["language", "coordinator"],
)
def test_a_line_break_belongs_to_no_tag_and_no_identifier(topic: Topic, payload: bytes) -> None:
    """Both become parts of topics and of log lines."""
    with pytest.raises(DecodeError):
        decode(topic, payload)
