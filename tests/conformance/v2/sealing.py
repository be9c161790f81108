"""Signatures under everything that travels, written from docs/protocol.md alone."""

import base64
import re
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

TRAILER_BYTES: Final = 32 + 64  # public key and signature
TEXT: Final = re.compile(rb"[A-Za-z0-9_-]{128}")


def signed_bytes(topic: str, content: bytes) -> bytes:
    return b"mfpt 2\n" + topic.encode() + b"\n" + content


def seal(topic: str, content: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return the payload for content that is published on a topic."""
    trailer = key.public_key().public_bytes_raw() + key.sign(signed_bytes(topic, content))
    if content.startswith(b"{"):
        return content + b"\n" + base64.urlsafe_b64encode(trailer)
    return content + trailer


def unseal(topic: str, payload: bytes) -> tuple[bytes, bytes]:
    """Return the content of a payload and the public key of its author; raise ValueError if the signature is wrong."""
    content, trailer = _split(payload)
    if not is_signed(signed_bytes(topic, content), trailer[32:], by=trailer[:32]):
        raise ValueError("the signature does not match")
    return content, trailer[:32]


def is_signed(message: bytes, signature: bytes, *, by: bytes) -> bool:
    """Tell whether the owner of a public key signed a message."""
    try:
        Ed25519PublicKey.from_public_bytes(by).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _split(payload: bytes) -> tuple[bytes, bytes]:
    if payload.startswith(b"{"):
        content, _, text = payload.rpartition(b"\n")
        if not TEXT.fullmatch(text):
            raise ValueError("the message is not signed")
        return content, base64.urlsafe_b64decode(text)
    if len(payload) < TRAILER_BYTES:
        raise ValueError("the message is too short to be signed")
    return payload[:-TRAILER_BYTES], payload[-TRAILER_BYTES:]
