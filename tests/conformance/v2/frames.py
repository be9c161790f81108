"""The protocol's binary frames, written from docs/protocol.md alone: JSON header, safetensors body, checksum.

This is a device's half: it reads prompts and writes updates.
"""

import json
import struct
import zlib
from typing import Any, Final, NamedTuple

PREFIX: Final = struct.Struct("<4sBBHII")
MAGIC, FRAME_VERSION, PROMPT, UPDATE = b"MFPT", 2, 1, 2


class Tensor(NamedTuple):
    """Values in row-major order."""

    shape: list[int]
    values: list[float]


State = dict[str, Tensor]


def read_frame(payload: bytes, kind: int) -> tuple[dict[str, Any], bytes]:
    """Return header and body of a frame; raise ValueError if it is damaged or of another kind."""
    if len(payload) < PREFIX.size + 4:
        raise ValueError("a frame has at least 20 bytes")
    magic, version, its_kind, _reserved, header_length, body_length = PREFIX.unpack_from(payload)
    if (magic, its_kind) != (MAGIC, kind) or version < FRAME_VERSION:
        raise ValueError("not a frame of this kind, or of an older protocol")
    if len(payload) != PREFIX.size + header_length + body_length + 4:
        raise ValueError("the lengths do not add up")
    if zlib.crc32(payload[:-4]) != struct.unpack("<I", payload[-4:])[0]:
        raise ValueError("the checksum differs")
    end = PREFIX.size + header_length
    return json.loads(payload[PREFIX.size : end]), payload[end:-4]


def write_frame(kind: int, header: dict[str, Any], body: bytes) -> bytes:
    encoded = json.dumps(header).encode()
    frame = PREFIX.pack(MAGIC, FRAME_VERSION, kind, 0, len(encoded), len(body)) + encoded + body
    return frame + struct.pack("<I", zlib.crc32(frame))


def read_prompt(body: bytes) -> State:
    """Read the tensors of a prompt, which are F16."""
    (length,) = struct.unpack_from("<Q", body)
    described, data = json.loads(body[8 : 8 + length]), body[8 + length :]
    state = {}
    for name, entry in described.items():
        begin, end = entry["data_offsets"]
        state[name] = Tensor(entry["shape"], [value for (value,) in struct.iter_unpack("<e", data[begin:end])])
    return state


def write_delta(delta: State) -> bytes:
    """Write the tensors of an update as I8, each with an F32 scale for every row."""
    described: dict[str, Any] = {}
    data = b""
    for name, (shape, values) in delta.items():
        width = shape[-1]
        rows = [quantised(values[start : start + width]) for start in range(0, len(values), width)]
        scales = struct.pack(f"<{len(rows)}f", *(scale for scale, _ in rows))
        codes = b"".join(struct.pack(f"<{width}b", *row) for _, row in rows)
        for part, dtype, part_shape, raw in (
            (name, "I8", shape, codes),
            (f"{name}:scale", "F32", [len(rows)], scales),
        ):
            described[part] = {"dtype": dtype, "shape": part_shape, "data_offsets": [len(data), len(data) + len(raw)]}
            data += raw
    header = json.dumps(described).encode()
    return struct.pack("<Q", len(header)) + header + data


def quantised(row: list[float]) -> tuple[float, list[int]]:
    """Return scale and 8-bit codes of a row: a value is its code times the scale."""
    scale = single(max(abs(value) for value in row) / 127)
    return scale, [max(-127, min(127, round(value / scale))) if scale else 0 for value in row]


def single(value: float) -> float:
    """Round to single precision."""
    return float(struct.unpack("<f", struct.pack("<f", value))[0])
