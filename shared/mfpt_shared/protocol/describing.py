"""What a payload on the wire says, field by field and to the byte: what people are shown of what has left a device.

Every byte of a payload belongs to one part. What holds fields together (braces, commas, names of groups) is a part too,
and so are the signature, the frame around a binary message, and the table of its tensors.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import safetensors

from mfpt_shared.errors import DecodeError
from mfpt_shared.keys import KEY_BYTES, PublicKey, fingerprint
from mfpt_shared.protocol.bodies import read_values
from mfpt_shared.protocol.enrolment import Enrol
from mfpt_shared.protocol.frames import KINDS, MASKED, Frame, read_frame
from mfpt_shared.protocol.meanings import meaning
from mfpt_shared.protocol.seal import taken_apart

MOST_CHARACTERS: Final = 120
"""What is shown of a value."""
PUNCTUATION: Final = "punctuation"
UNREADABLE: Final = "payload"
_SAFETENSORS: Final[Mapping[str, type[np.generic]]] = {"F32": np.float32, "F16": np.float16, "I8": np.int8}


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a message.

    Attributes:
        name: Name of the field, with those of the fields around it: `metrics.loss`.
        bytes: What it takes of the payload; the parts of a message add up to all of it.
        value: What it is, as people read it, cut where it is long.
        says: What the field means; empty where the name is all that is known.
    """

    name: str
    bytes: int
    value: str
    says: str = ""


class Described(NamedTuple):
    """A message as people read it.

    Attributes:
        kind: Kind of message: `state`, `ready`, `update` and so on.
        parts: What it says, in the order in which it is written.
    """

    kind: str
    parts: tuple[Part, ...]


def describe(path: str, payload: bytes) -> Described:
    """Return what a sealed payload says. The signature is not verified.

    Args:
        path: Topic on which it was published; its last level names messages that have no type.
        payload: The payload; an empty one, by which a retained message is removed, has no parts.

    Raises:
        DecodeError: It is no message of this protocol.
    """
    if not payload:
        return Described(path.rpartition("/")[2], ())
    content, trailer = taken_apart(payload)
    if content[:1] == b"{":
        kind, parts = _json(path.rpartition("/")[2], content)
    else:
        kind, parts = _frame(content)
    signer = fingerprint(PublicKey(trailer[:KEY_BYTES]))
    signature = _part(kind, "signature", len(payload) - len(content), f"by {signer}")
    return Described(kind, (*parts, signature))


def undescribed(path: str, payload: bytes) -> Described:
    """Return all that can be said of a payload that is not a message of this protocol."""
    return Described(path.rpartition("/")[2], (Part(name=UNREADABLE, bytes=len(payload), value="cannot be read"),))


def _part(kind: str, name: str, size: int, value: str) -> Part:
    shown = value if len(value) <= MOST_CHARACTERS else f"{value[: MOST_CHARACTERS - 1]}…"
    return Part(name=name, bytes=size, value=shown, says=meaning(kind, name))


def _json(otherwise: str, content: bytes) -> tuple[str, list[Part]]:
    fields = _object(content)
    kind = _text(bytes(fields["type"])) if "type" in fields else otherwise
    return kind, _fields(kind, content)


def _fields(kind: str, content: bytes) -> list[Part]:
    """Return the fields of an object and of the objects in it, and what is between them."""
    parts = list(_values(kind, "", content))
    between = len(content) - sum(part.bytes for part in parts)
    return [*parts, _part(kind, PUNCTUATION, between, "{ } , and names of groups of fields")]


def _values(kind: str, prefix: str, content: bytes) -> Iterator[Part]:
    for name, raw in _object(content).items():
        value = bytes(raw)
        if value[:1] == b"{":
            yield from _values(kind, f"{prefix}{name}.", value)
        else:
            size = len(msgspec.json.encode(name)) + len(":") + len(value)
            yield _part(kind, prefix + name, size, _text(value))


def _object(content: bytes) -> dict[str, msgspec.Raw]:
    try:
        return msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(f"this is not JSON: {error}") from error


def _text(value: bytes) -> str:
    """Return a value as people read it: a text without its quotes, anything else as it is written."""
    if value[:1] != b'"':
        return value.decode(errors="replace")
    try:
        return msgspec.json.decode(value, type=str)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DecodeError(f"this is not JSON: {error}") from error


def _frame(content: bytes) -> tuple[str, list[Part]]:
    frame = read_frame(content, tuple(KINDS))
    kind = KINDS[frame.kind]
    inside = [*_fields(kind, frame.header), *_body(kind, frame)]
    around = len(content) - sum(part.bytes for part in inside)
    return kind, [_part(kind, "frame", around, "length, kind and checksum"), *inside]


def _body(kind: str, frame: Frame) -> Iterator[Part]:
    if frame.kind == MASKED:
        values = read_values(frame.body)
        yield _part(kind, "values", len(frame.body), f"{len(values)} numbers, 16 bits each, under masks")
        return
    tensors = list(_tensors(kind, frame.body))
    table = len(frame.body) - sum(part.bytes for part in tensors)
    yield _part(kind, "table", table, f"names and shapes of {len(tensors)} tensors")
    yield from tensors


def _tensors(kind: str, body: bytes) -> Iterator[Part]:
    try:
        entries: list[tuple[str, dict[str, Any]]] = safetensors.deserialize(body)  # type: ignore[no-untyped-call]  # it has no annotations
    except safetensors.SafetensorError as error:
        raise DecodeError(f"the tensors cannot be read: {error}") from error
    for name, entry in sorted(entries, key=lambda named: named[0]):
        yield _part(kind, name, len(entry["data"]), _numbers(entry))


def _numbers(entry: Mapping[str, Any]) -> str:
    """Return the shape of a tensor and the range of its numbers."""
    shape = " x ".join(map(str, entry["shape"]))
    dtype = _SAFETENSORS.get(entry["dtype"])
    if dtype is None or not entry["data"]:
        return f"{shape} numbers"
    values = np.frombuffer(entry["data"], dtype)
    return f"{shape} numbers, {8 * values.itemsize} bits each, from {values.min():.4g} to {values.max():.4g}"


def without_secrets(payload: bytes) -> bytes:
    """Return a sealed payload in which every secret is as many asterisks, so that it can be kept and shown."""
    try:
        asked = msgspec.json.decode(taken_apart(payload)[0], type=Enrol)
    except (DecodeError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return payload  # only who asks to be admitted says a secret
    for secret in (asked.password, asked.client, asked.proof):
        payload = payload.replace(f'"{secret}"'.encode(), f'"{"*" * len(secret)}"'.encode())
    return payload
