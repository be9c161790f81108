"""Binary frames: a fixed prefix, a header in JSON, a body, and a checksum, little endian.

offset  0   4 bytes  magic "MFPT"
        4   u8       number of the protocol, 2
        5   u8       kind: 1 prompt, 2 update, 3 masked
        6   u16      reserved, 0
        8   u32      length h of the header
       12   u32      length b of the body
       16   h bytes  header: JSON
     16+h   b bytes  body
   16+h+b   u32      CRC-32 (as in zlib) of everything before
"""

import struct
import zlib
from collections.abc import Mapping
from typing import Final, NamedTuple

from mfpt_shared.errors import DecodeError
from mfpt_shared.protocol.base import PROTOCOL

MAX_PAYLOAD: Final = 8 * 2**20
PROMPT, UPDATE, MASKED = 1, 2, 3
KINDS: Final[Mapping[int, str]] = {PROMPT: "prompt", UPDATE: "update", MASKED: "masked"}

_PREFIX: Final = struct.Struct("<4sBBHII")
_CHECKSUM: Final = struct.Struct("<I")
_MAGIC: Final = b"MFPT"


class Frame(NamedTuple):
    """A frame taken apart.

    Attributes:
        kind: What it holds, one of `KINDS`.
        header: JSON.
        body: Tensors or values.
    """

    kind: int
    header: bytes
    body: bytes


def write_frame(frame: Frame) -> bytes:
    """Return the bytes of a frame."""
    prefix = _PREFIX.pack(_MAGIC, PROTOCOL, frame.kind, 0, len(frame.header), len(frame.body))
    content = prefix + frame.header + frame.body
    return content + _CHECKSUM.pack(zlib.crc32(content))


def read_frame(payload: bytes, kinds: tuple[int, ...]) -> Frame:
    """Return what is in a frame, undamaged and of one of some kinds.

    Raises:
        DecodeError: It is not.
    """
    if len(payload) < _PREFIX.size + _CHECKSUM.size:
        raise DecodeError(f"a frame of {len(payload)} bytes is too short")
    magic, version, kind, _, head_length, body_length = _PREFIX.unpack_from(payload)
    if magic != _MAGIC:
        raise DecodeError("the frame does not start with 'MFPT'")
    if version < PROTOCOL:
        raise DecodeError(f"the frame is of protocol {version}; this side speaks protocol {PROTOCOL}")
    if kind not in kinds:
        expected = " or ".join(f"kind {one}, {KINDS[one]}" for one in kinds)
        raise DecodeError(f"the frame is of kind {kind}; expected {expected}")
    announced = _PREFIX.size + head_length + body_length + _CHECKSUM.size
    if announced > MAX_PAYLOAD:
        raise DecodeError(f"the frame announces {announced:,} bytes; the limit is {MAX_PAYLOAD:,}")
    if announced != len(payload):
        raise DecodeError(f"the frame announces {announced:,} bytes; {len(payload):,} came")
    content = memoryview(payload)[: -_CHECKSUM.size]
    if _CHECKSUM.unpack_from(payload, len(content))[0] != zlib.crc32(content):
        raise DecodeError("the frame is damaged: its checksum does not match")
    end = _PREFIX.size + head_length
    return Frame(kind, payload[_PREFIX.size : end], payload[end : len(content)])
