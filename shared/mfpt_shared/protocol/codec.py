"""Messages to bytes and back. Whatever the bytes, `decode` returns a message or raises DecodeError, and nothing else.

Content that starts with `{` is JSON. Tensors travel in a binary frame, little endian:

    offset  0   4 bytes  magic "MFPT"
            4   u8       number of the protocol, 2
            5   u8       kind: 1 prompt, 2 update
            6   u16      reserved, 0
            8   u32      length h of the header
           12   u32      length b of the body
           16   h bytes  header: JSON
         16+h   b bytes  body: safetensors, dtypes F32, F16 and I8
       16+h+b   u32      CRC-32 (as in zlib) of everything before

An int8 tensor `x` comes with `x:scale` (F32, one factor for each row; a vector is one row) and means values * scale.
"""

import struct
import zlib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import safetensors
import safetensors.numpy

from mfpt_shared.errors import DecodeError, PlanError
from mfpt_shared.keys import PublicKey
from mfpt_shared.plan_files import published_plan
from mfpt_shared.protocol.base import Digest
from mfpt_shared.protocol.messages import (
    PROTOCOL,
    FromCoordinator,
    Message,
    PlanNotice,
    Prompt,
    PromptHeader,
    Tensors,
    Update,
    UpdateHeader,
)
from mfpt_shared.protocol.seal import unseal
from mfpt_shared.protocol.topics import Address, Topic, parse
from mfpt_shared.tensors import Quantised

MAX_PAYLOAD: Final = 8 * 2**20
MAX_JSON: Final = 2**20
MAX_TENSORS: Final = 64

_FRAME: Final = struct.Struct("<4sBBHII")
_CHECKSUM: Final = struct.Struct("<I")
_MAGIC: Final = b"MFPT"
_KINDS: Final[Mapping[type, int]] = {Prompt: 1, Update: 2}
_DTYPES: Final[Mapping[str, type[np.generic]]] = {"F32": np.float32, "F16": np.float16, "I8": np.int8}
_SCALE: Final = ":scale"

Decoded = Message | Prompt | Update


class Received(NamedTuple):
    """A message from the broker.

    Attributes:
        address: Topic on which it came, taken apart.
        message: What it says.
        signer: Key of whoever signed it.
        content: The payload without the signature.
    """

    address: Address
    message: Decoded
    signer: PublicKey
    content: bytes


class Opened(NamedTuple):
    """A payload whose signature is right, not decoded yet.

    Attributes:
        address: Topic on which it came, taken apart.
        content: The payload without the signature.
        signer: Key of whoever signed it.
    """

    address: Address
    content: bytes
    signer: PublicKey


def opened(path: str, payload: bytes, federation: str) -> Opened | None:
    """Return what a payload holds and who signed it; None for an empty one, by which a retained message is removed.

    Raises:
        DecodeError: The topic is not one of the federation's, the payload is too long, or the signature does not match.
    """
    address = parse(path, federation)
    if not payload:
        return None
    if len(payload) > MAX_PAYLOAD:
        raise DecodeError(f"payload of {len(payload):,} bytes on {address.topic.name}; the limit is {MAX_PAYLOAD:,}")
    content, signer = unseal(path, payload)
    return Opened(address, content, signer)


def understand(path: str, payload: bytes, federation: str) -> Received | None:
    """Return what came on a full topic; None for an empty payload, by which a retained message is removed.

    Raises:
        DecodeError: The topic is not one of the federation's, the signature does not match, or `decode` raises it.
    """
    found = opened(path, payload, federation)
    if found is None:
        return None
    return Received(found.address, decode(found.address.topic, found.content), found.signer, found.content)


def encode(message: Decoded) -> bytes:
    """Return the content of a message, which is not signed yet."""
    if isinstance(message, Prompt):
        return _encode_frame(_KINDS[Prompt], message.header, message.state)
    if isinstance(message, Update):
        return _encode_frame(_KINDS[Update], message.header, message.delta)
    if isinstance(message, PlanNotice):
        return msgspec.json.encode({**msgspec.structs.asdict(message), "plan": msgspec.Raw(message.plan.binding)})
    return msgspec.json.encode(message)


def decode(topic: Topic, payload: bytes) -> Decoded:
    """Return the message in content that came on a topic.

    Raises:
        DecodeError: The payload is too long, damaged, or not of the topic's type, or a number in it is not finite.
    """
    if len(payload) > MAX_PAYLOAD:
        raise DecodeError(f"payload of {len(payload):,} bytes on {topic.name}; the limit is {MAX_PAYLOAD:,}")
    if topic.binary is not None and not (topic.json is not None and payload[:1] == b"{"):
        return _decode_frame(topic.binary, payload)
    if topic.json is PlanNotice:
        return _decode_notice(payload, topic.name)
    message: Decoded = _decode_json(topic.json, payload, topic.name)
    return message


class _Notice(FromCoordinator, frozen=True, kw_only=True):
    """A `PlanNotice` whose plan is not decoded yet: its digest is that of these very bytes."""

    digest: Digest
    plan: msgspec.Raw


def _decode_notice(payload: bytes, where: str) -> PlanNotice:
    notice: _Notice = _decode_json(_Notice, payload, where)
    try:
        plan = published_plan(bytes(notice.plan))
    except PlanError as error:
        raise DecodeError(f"{where}: {error}") from error
    return PlanNotice(**(msgspec.structs.asdict(notice) | {"plan": plan}))


def _decode_json(kind: Any, payload: bytes, where: str) -> Any:  # noqa: ANN401 - `kind` may be a union
    if len(payload) > MAX_JSON:
        raise DecodeError(f"JSON of {len(payload):,} bytes in {where}; the limit is {MAX_JSON:,}")
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(f"{where}: {error}") from error


def _encode_frame(kind: int, header: Message, tensors: Tensors) -> bytes:
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    for name, tensor in tensors.items():
        if isinstance(tensor, Quantised):
            arrays[name] = tensor.values
            arrays[name + _SCALE] = tensor.scale
        else:
            arrays[name] = np.ascontiguousarray(tensor)
    head, body = msgspec.json.encode(header), safetensors.numpy.save(arrays)
    frame = _FRAME.pack(_MAGIC, PROTOCOL, kind, 0, len(head), len(body)) + head + body
    return frame + _CHECKSUM.pack(zlib.crc32(frame))


def _decode_frame(kind: type[Prompt] | type[Update], payload: bytes) -> Prompt | Update:
    if len(payload) < _FRAME.size + _CHECKSUM.size:
        raise DecodeError(f"a frame of {len(payload)} bytes is too short")
    magic, version, kind_number, _, head_length, body_length = _FRAME.unpack_from(payload)
    if magic != _MAGIC:
        raise DecodeError("the frame does not start with 'MFPT'")
    if version < PROTOCOL:
        raise DecodeError(f"the frame is of protocol {version}; this side speaks protocol {PROTOCOL}")
    if kind_number != _KINDS[kind]:
        raise DecodeError(f"the frame is of kind {kind_number}; expected kind {_KINDS[kind]}, {kind.__name__.lower()}")
    announced = _FRAME.size + head_length + body_length + _CHECKSUM.size
    if announced > MAX_PAYLOAD:
        raise DecodeError(f"the frame announces {announced:,} bytes; the limit is {MAX_PAYLOAD:,}")
    if announced != len(payload):
        raise DecodeError(f"the frame announces {announced:,} bytes; {len(payload):,} came")
    content = memoryview(payload)[: -_CHECKSUM.size]
    if _CHECKSUM.unpack_from(payload, len(content))[0] != zlib.crc32(content):
        raise DecodeError("the frame is damaged: its checksum does not match")
    head = payload[_FRAME.size : _FRAME.size + head_length]
    tensors = _decode_tensors(payload[_FRAME.size + head_length : len(content)])
    if kind is Prompt:
        return Prompt(_decode_json(PromptHeader, head, "prompt header"), tensors)
    return Update(_decode_json(UpdateHeader, head, "update header"), tensors)


def _decode_tensors(body: bytes) -> Tensors:
    try:
        entries = safetensors.deserialize(body)  # type: ignore[no-untyped-call]  # it has no annotations
    except safetensors.SafetensorError as error:
        raise DecodeError(f"the tensors cannot be read: {error}") from error
    if len(entries) > MAX_TENSORS:
        raise DecodeError(f"{len(entries)} tensors; the limit is {MAX_TENSORS}")
    arrays = {name: _decode_array(name, entry) for name, entry in entries}
    # A tensor called x:scale is a scale only next to an int8 x; any other is an array of its own, checked like all.
    quantised = {name for name, array in arrays.items() if array.dtype == np.int8}
    return {
        name: _pair(name, arrays) if name in quantised else array
        for name, array in sorted(arrays.items())
        if name.removesuffix(_SCALE) not in quantised or name in quantised
    }


def _decode_array(name: str, entry: Mapping[str, Any]) -> np.ndarray[Any, Any]:
    dtype = _DTYPES.get(entry["dtype"])
    if dtype is None:
        raise DecodeError(f"tensor {name[:80]!r} has dtype {entry['dtype']}; F32, F16 and I8 are allowed")
    shape = entry["shape"]
    if not 1 <= len(shape) <= 2 or 0 in shape:
        raise DecodeError(f"tensor {name[:80]!r} has shape {shape}; one or two dimensions are allowed, none of them 0")
    array = np.frombuffer(entry["data"], dtype=dtype).reshape(shape)
    if dtype is not np.int8 and not np.isfinite(array).all():
        raise DecodeError(f"tensor {name[:80]!r} holds a value that is not finite")
    return array


def _pair(name: str, arrays: Mapping[str, np.ndarray[Any, Any]]) -> Quantised:
    values, scale = arrays[name], arrays.get(name + _SCALE)
    rows = values.shape[0] if values.ndim > 1 else 1
    if scale is None or scale.dtype != np.float32 or scale.shape != (rows,):
        raise DecodeError(f"int8 tensor {name[:80]!r} needs {name[:80] + _SCALE!r}, F32 [{rows}]")
    # 127 * scale must stay finite, or finite numbers would dequantise to infinity.
    if np.abs(scale).max() > np.finfo(np.float32).max / 128:
        raise DecodeError(f"tensor {name[:80] + _SCALE!r} is too large")
    return Quantised(values, scale)
