"""Signed payloads for tests: a key for every name, and messages that are sealed with it."""

import hashlib
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mfpt_shared.keys import SigningKey
from mfpt_shared.protocol.codec import Decoded, encode
from mfpt_shared.protocol.seal import seal
from mfpt_shared.protocol.topics import Topic
from mfpt_shared.transport.base import Inbound


@cache
def key_of(name: str) -> SigningKey:
    """Return the key of whoever has a name, the same in every run."""
    return SigningKey(Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest()))


def sealed(path: str, message: Decoded, signer: str) -> bytes:
    """Return a message as it travels on a topic."""
    return seal(path, encode(message), key_of(signer))


def inbound(topic: Topic, key: str, message: Decoded, signer: str = "", federation: str = "test") -> Inbound:
    """Return a message as it comes from a broker, by default from the device whose topic it is."""
    path = topic.path(federation, key)
    return Inbound(path, sealed(path, message, signer or key))
