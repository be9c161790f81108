"""Masks: pseudorandom integers that follow from a key which two members agree on, or from a seed of one member."""

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mfpt_shared.errors import DecodeError
from mfpt_shared.masking.cohort import Codes, PublicKeys, context

_FIRST_BLOCK = bytes(16)
"""Counter and nonce of ChaCha20: zero, since every key makes one stream."""
_PROBE = X25519PrivateKey.from_private_bytes(bytes(32))
"""No secret: with a key of small order every private key agrees on zero, so that any tells (RFC 7748, section 6.1)."""


def pair_mask(private: X25519PrivateKey, public: bytes, cohort: str, own: int, other: int, length: int) -> Codes:
    """Return what a member adds to its codes for another one; what that one adds is the same, negated.

    Args:
        private: The member's private mask key.
        public: The other one's public mask key.
        cohort: Id of the cohort.
        own: The member's place; the lower of both adds the stream, the higher subtracts it.
        other: The other one's place.
        length: Number of codes.

    Raises:
        DecodeError: The public key is none.
    """
    low, high = sorted((own, other))
    stream = key_stream(derive(agree(private, public), context("mask", cohort, low, high)), length)
    return stream if own == low else np.negative(stream)


def self_mask(seed: bytes, cohort: str, place: int, length: int) -> Codes:
    """Return what a member adds to its codes for itself.

    Without it, a coordinator that takes a member for dropped out, and learns its mask key, would read its update when
    that arrives late.
    """
    return key_stream(derive(seed, context("mask", cohort, place, place)), length)


def agree(private: X25519PrivateKey, public: bytes) -> bytes:
    """Return the secret that the owners of two keys share, 32 bytes (X25519, RFC 7748).

    Raises:
        DecodeError: The public key is none, or one with which every secret is zero.
    """
    try:
        return private.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError as error:
        raise DecodeError("a member's public key is none of X25519") from error


def check_keys(keys: PublicKeys) -> None:
    """Check that every other member can agree on secrets with the owner of these keys.

    One device whose keys are none would make every cohort fail that it is in.

    Raises:
        DecodeError: One is no key, or both are the same.
    """
    for key in keys:
        agree(_PROBE, key)
    if keys.mask == keys.share:
        raise DecodeError("a member's two public keys are one and the same")


def derive(secret: bytes, info: bytes) -> bytes:
    """Return a key of 32 bytes for one use of a secret (HKDF-SHA-256, RFC 5869)."""
    return HKDF(SHA256(), length=32, salt=None, info=info).derive(secret)


def key_stream(key: bytes, length: int) -> Codes:
    """Return pseudorandom integers: ChaCha20 (RFC 8439) from its first block on, two bytes each, little-endian."""
    stream = Cipher(ChaCha20(key, _FIRST_BLOCK), mode=None).encryptor().update(bytes(2 * length))
    return np.frombuffer(stream, "<u2").astype(np.uint16, copy=False)
