"""Signed payloads: every message says who made it and for which topic, whatever broker carries it.

A sealed payload is its content, followed by the public key of the signer and a signature (Ed25519, RFC 8032):

    JSON     content, a line feed, key and signature (96 bytes) as 128 characters of base64url without padding
    a frame  content, key (32 bytes), signature (64 bytes)

What is signed is `mfpt 2`, a line feed, the full topic, a line feed, and the content: a message that is moved to
another topic, and so to another device or federation, is as good as forged. Who may sign what is for the receiver to
say.
"""

import base64
import re
from typing import Final, NamedTuple

from mfpt_shared.errors import DecodeError
from mfpt_shared.keys import KEY_BYTES, SIGNATURE_BYTES, PublicKey, SigningKey, verify

_CONTEXT: Final = b"mfpt 2\n"
_RAW_BYTES: Final = KEY_BYTES + SIGNATURE_BYTES
_TEXT: Final = re.compile(rb"[A-Za-z0-9_-]{128}")


class Sealed(NamedTuple):
    """What a sealed payload holds: the content, and the key of whoever signed it."""

    content: bytes
    signer: PublicKey


def seal(path: str, content: bytes, key: SigningKey) -> bytes:
    """Return a payload for a full topic, signed."""
    trailer = key.public + key.sign(_signed(path, content))
    if content[:1] == b"{":
        return content + b"\n" + base64.urlsafe_b64encode(trailer)
    return content + trailer


def unseal(path: str, payload: bytes) -> Sealed:
    """Return the content of a payload that came on a full topic, and who signed it.

    Raises:
        DecodeError: It is not sealed, or the signature is not one for this content and this topic.
    """
    content, trailer = taken_apart(payload)
    signer = PublicKey(trailer[:KEY_BYTES])
    if not verify(signer, trailer[KEY_BYTES:], _signed(path, content)):
        raise DecodeError("the signature does not match: the message was altered, or made for another topic")
    return Sealed(content, signer)


def taken_apart(payload: bytes) -> tuple[bytes, bytes]:
    """Return the content of a sealed payload, and key and signature, whether they match or not.

    Raises:
        DecodeError: It is not sealed.
    """
    if payload[:1] != b"{":
        if len(payload) < _RAW_BYTES:
            raise DecodeError(f"a payload of {len(payload)} bytes is too short to be signed")
        return payload[:-_RAW_BYTES], payload[-_RAW_BYTES:]
    content, separator, text = payload.rpartition(b"\n")
    # Python's decoder would take "+" for "-": a second spelling of the same signature.
    if not separator or not _TEXT.fullmatch(text):
        raise DecodeError("the message is not signed: is one side older than the other?")
    return content, base64.urlsafe_b64decode(text)


def _signed(path: str, content: bytes) -> bytes:
    return b"".join((_CONTEXT, path.encode(), b"\n", content))
