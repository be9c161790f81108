"""What must be refused, by name."""

import json
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest

from mfpt_shared.errors import DecodeError
from mfpt_shared.protocol.bodies import MAX_TENSORS
from mfpt_shared.protocol.codec import decode, encode
from mfpt_shared.protocol.frames import MAX_PAYLOAD
from mfpt_shared.protocol.messages import Prompt, PromptHeader, Update
from mfpt_shared.protocol.topics import CLIENT_STATE, CLIENT_UP, COORDINATOR_STATE, Topic
from mfpt_shared.tensors import dense

THREE_GIGABYTES = 3 * 2**30
FLOAT32_MAX = float(np.finfo(np.float32).max)
NAN_PAYLOAD = struct.pack("<f", float("nan"))


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
    start = struct.pack("<4sBBHII", b"MFPT", 2, 2, 0, *(lengths or (len(head), len(content))))
    return start + head + content + struct.pack("<I", zlib.crc32(start + head + content))


PROMPT = Prompt(PromptHeader(language="swh", version=1, plan="p", backbone="b"), {"x": np.ones(2, np.float16)})
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
    "an older frame version": lambda: b"MFPT\x01" + frame(body(x=("F32", [1], ONE)))[5:],
    "a flipped bit": lambda: frame(body(x=("F32", [1], ONE)))[:-1] + b"\0",
    "a missing byte": lambda: frame(body(x=("F32", [1], ONE)))[:-1],
    "a byte too much": lambda: frame(body(x=("F32", [1], ONE))) + b"\0",
    "a prompt where an update belongs": lambda: encode(
        Prompt(PromptHeader(language="swh", version=1, plan="p", backbone="b"), {"x": np.ones(2, np.float16)})
    ),
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
