"""By what an update is recognised when it comes again, on both sides and in the coordinator's database."""

import hashlib


def update_digest(content: bytes) -> bytes:
    """Return the SHA-256 of an update as it is encoded, without its signature."""
    return hashlib.sha256(content).digest()
