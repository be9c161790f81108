"""Key shares on their way from member to member: the coordinator forwards them and cannot read them."""

from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from mfpt_shared.errors import DecodeError
from mfpt_shared.masking.cohort import Randomness, context
from mfpt_shared.masking.shamir import SHARE_BYTES
from mfpt_shared.masking.streams import agree, derive

_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16

ENVELOPE_BYTES: Final = _NONCE_BYTES + 2 * SHARE_BYTES + _TAG_BYTES


class KeyShares(NamedTuple):
    """What one member holds of another one's secrets, 33 bytes each.

    Attributes:
        seed: Share of the seed of its self mask.
        mask_key: Share of its private mask key.
    """

    seed: bytes
    mask_key: bytes


class Way(NamedTuple):
    """From which member of a cohort to which other one, by place."""

    cohort: str
    sender: int
    receiver: int

    @property
    def context(self) -> bytes:
        """What binds a key, and what it seals, to this way."""
        return context("key shares", *self)


def seal(shares: KeyShares, way: Way, private: X25519PrivateKey, public: bytes, randomness: Randomness) -> bytes:
    """Return key shares sealed for their receiver: nonce, ciphertext, tag (ChaCha20-Poly1305, RFC 8439).

    Args:
        shares: What the receiver is to hold.
        way: From whom to whom.
        private: Private share key of the sender.
        public: Public share key of the receiver.
        randomness: Where the nonce comes from.

    Raises:
        DecodeError: The public key is none.
    """
    nonce = randomness(_NONCE_BYTES)
    return nonce + _cipher(way, private, public).encrypt(nonce, b"".join(shares), way.context)


def unseal(envelope: bytes, way: Way, private: X25519PrivateKey, public: bytes) -> KeyShares:
    """Return the key shares in an envelope.

    Args:
        envelope: What the coordinator forwarded.
        way: From whom to whom it says that they travel.
        private: Private share key of the receiver.
        public: Public share key of the sender.

    Raises:
        DecodeError: The sender did not seal this for the receiver, in this cohort.
    """
    nonce, sealed = envelope[:_NONCE_BYTES], envelope[_NONCE_BYTES:]
    if len(envelope) != ENVELOPE_BYTES:
        raise DecodeError(f"key shares in {len(envelope)} bytes instead of {ENVELOPE_BYTES}")
    try:
        content = _cipher(way, private, public).decrypt(nonce, sealed, way.context)
    except InvalidTag as error:
        raise DecodeError(f"the key shares are not those that member {way.sender} sealed for this one") from error
    return KeyShares(content[:SHARE_BYTES], content[SHARE_BYTES:])


def _cipher(way: Way, private: X25519PrivateKey, public: bytes) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(derive(agree(private, public), way.context))
