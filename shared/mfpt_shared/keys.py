"""Ed25519 keys (RFC 8032): who signed a message, a device or the coordinator.

A public key is its own name: 32 bytes, which an invitation carries and a device pins. A private key is kept as
unencrypted PKCS #8 in PEM, which OpenSSL reads as well; the file that holds it must be private.
"""

import hashlib
from dataclasses import dataclass
from typing import Final, NewType

from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from mfpt_shared.errors import Damaged

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64

PublicKey = NewType("PublicKey", bytes)
"""An Ed25519 public key, 32 bytes."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key. Its representation shows the public key alone."""

    _private: Ed25519PrivateKey

    @classmethod
    def generate(cls) -> "SigningKey":
        """Return a new key, drawn from the system's random numbers."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, pem: bytes) -> "SigningKey":
        """Read a key from PKCS #8 in PEM.

        Raises:
            Damaged: It is not an unencrypted Ed25519 key.
        """
        try:
            private = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise Damaged(f"not an Ed25519 private key in PEM: {error}") from error
        except InternalError as error:  # of OpenSSL, for some damaged keys; its message is for programmers
            raise Damaged("not an Ed25519 private key in PEM: OpenSSL cannot read it") from error
        if not isinstance(private, Ed25519PrivateKey):
            raise Damaged("not an Ed25519 private key in PEM: it is a key of another kind")
        return cls(private)

    def to_pem(self) -> bytes:
        """Return the key as unencrypted PKCS #8 in PEM."""
        return self._private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def private(self) -> Ed25519PrivateKey:
        """The key as `cryptography` has it, for certificates."""
        return self._private

    @property
    def public(self) -> PublicKey:
        """The public key."""
        return PublicKey(self._private.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message, 64 bytes."""
        return self._private.sign(message)

    def secret(self, purpose: str) -> str:
        """Return 128 bits for a purpose that only the owner of the key can know, as 32 hexadecimal digits."""
        seed = self._private.private_bytes_raw()
        return hashlib.blake2b(purpose.encode(), key=seed, digest_size=16).hexdigest()

    def __repr__(self) -> str:
        """Return a text without the secret."""
        return f"SigningKey(public={self.public.hex()})"


def verify(public: PublicKey, signature: bytes, message: bytes) -> bool:
    """Tell whether the owner of a public key signed a message; never raises, whatever the bytes."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def fingerprint(public: PublicKey) -> str:
    """Return a short name of a key for people to compare: 16 hexadecimal digits of its SHA-256, in groups of four."""
    digits = hashlib.sha256(public).hexdigest()[:16]
    return "-".join(digits[start : start + 4] for start in range(0, 16, 4))


def digest(secret: str) -> bytes:
    """Return the SHA-256 of a random secret, which may be kept where the secret itself may not."""
    return hashlib.sha256(secret.encode()).digest()
