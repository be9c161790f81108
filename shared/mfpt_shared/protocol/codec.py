"""Messages to bytes and back. Whatever the bytes, `decode` returns a message or raises DecodeError, and nothing else.

Content that starts with `{` is JSON; `frames` and `bodies` hold the binary half.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from mfpt_shared.errors import DecodeError, PlanError
from mfpt_shared.keys import PublicKey
from mfpt_shared.plan_files import published_plan
from mfpt_shared.protocol import frames
from mfpt_shared.protocol.base import Digest
from mfpt_shared.protocol.bodies import read_tensors, read_values, write_tensors, write_values
from mfpt_shared.protocol.frames import KINDS, MAX_PAYLOAD, Frame, read_frame, write_frame
from mfpt_shared.protocol.masked import Masked, MaskedHeader
from mfpt_shared.protocol.messages import (
    FromCoordinator,
    Message,
    PlanNotice,
    Prompt,
    PromptHeader,
    Update,
    UpdateHeader,
)
from mfpt_shared.protocol.seal import unseal
from mfpt_shared.protocol.topics import Address, Topic, parse

MAX_JSON: Final = 2**20

_KINDS: Final[Mapping[type, int]] = {Prompt: frames.PROMPT, Update: frames.UPDATE, Masked: frames.MASKED}

Decoded = Message | Prompt | Update | Masked


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
    match message:
        case Prompt(header=head, state=tensors):
            return write_frame(Frame(frames.PROMPT, msgspec.json.encode(head), write_tensors(tensors)))
        case Update(header=head, delta=tensors):
            return write_frame(Frame(frames.UPDATE, msgspec.json.encode(head), write_tensors(tensors)))
        case Masked(header=head, values=values):
            return write_frame(Frame(frames.MASKED, msgspec.json.encode(head), write_values(values)))
        case PlanNotice():
            return msgspec.json.encode({**msgspec.structs.asdict(message), "plan": msgspec.Raw(message.plan.binding)})
        case _:
            return msgspec.json.encode(message)


def decode(topic: Topic, payload: bytes) -> Decoded:
    """Return the message in content that came on a topic.

    Raises:
        DecodeError: The payload is too long, damaged, or not of the topic's type, or a number in it is not finite.
    """
    if len(payload) > MAX_PAYLOAD:
        raise DecodeError(f"payload of {len(payload):,} bytes on {topic.name}; the limit is {MAX_PAYLOAD:,}")
    if topic.frames and not (topic.json is not None and payload[:1] == b"{"):
        return _decode_frame(topic, payload)
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


def _decode_frame(topic: Topic, payload: bytes) -> Prompt | Update | Masked:
    frame = read_frame(payload, tuple(_KINDS[kind] for kind in topic.frames))
    where = f"{KINDS[frame.kind]} header"
    match frame.kind:
        case frames.PROMPT:
            return Prompt(_decode_json(PromptHeader, frame.header, where), read_tensors(frame.body))
        case frames.UPDATE:
            return Update(_decode_json(UpdateHeader, frame.header, where), read_tensors(frame.body))
        case _:
            return Masked(_decode_json(MaskedHeader, frame.header, where), read_values(frame.body))
