"""Bytes as text: base64url (RFC 4648, section 5) without padding, as keys, tokens and secrets are written."""

import base64
import re
from typing import Final

from mfpt_shared.errors import DecodeError

_ALPHABET: Final = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


def encoded(data: bytes) -> str:
    """Return bytes as text."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Return the bytes that `encoded` writes as this text; there is one text for them, and no other is read.

    Raises:
        DecodeError: It is no such text.
    """
    # Python's decoder would skip other characters, take "+" for "-", and ignore bits at the end that mean nothing.
    if _ALPHABET.fullmatch(text) and len(text) % 4 != 1:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if encoded(data) == text:
            return data
    raise DecodeError(f"{text[:80]!r} is not base64url without padding")
