"""A member of a cohort, written from "Masked sums" in docs/protocol.md alone: JSON in, JSON and a frame out."""

import base64
import math
import secrets
import struct
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from conformance.v2.frames import write_frame

PRIME: Final = 2**256 + 297
MASKED: Final = 3
LIMIT: Final = 1023

Json = dict[str, Any]


class Refusal(ValueError):
    """The member drops out."""


class Member:
    """One offer and its cohort."""

    def __init__(self, min_group: int) -> None:
        self.min_group = min_group
        self.mask_key, self.share_key = X25519PrivateKey.generate(), X25519PrivateKey.generate()
        self.seed = secrets.token_bytes(32)
        self.gather: Json = {}
        self.place = -1
        self.held: dict[int, tuple[bytes, bytes]] = {}
        self.answered = False

    def keys(self) -> Json:
        """Return the two fields of an offer that are new with each."""
        return {"mask_key": text(public(self.mask_key)), "share_key": text(public(self.share_key))}

    def key_shares(self, gather: Json) -> Json:
        members, place = gather["members"], gather["place"]
        keys = [key for member in members for key in member.values()]
        if not self.min_group <= len(members) <= 32 or len(set(keys)) < len(keys) or members[place] != self.keys():
            raise Refusal("a cohort that hides too little")
        self.gather, self.place = gather, place
        seeds = shamir(self.seed, self.threshold, len(members))
        mask_keys = shamir(self.mask_key.private_bytes_raw(), self.threshold, len(members))
        self.held = {place: (seeds[place], mask_keys[place])}
        shares = [
            "" if other == place else self._sealed(seeds[other] + mask_keys[other], other)
            for other in range(len(members))
        ]
        return {"type": "key-shares", "protocol": 2, "cohort": gather["cohort"], "shares": shares}

    def masked(self, deliver: Json, values: list[float], steps: list[float], measured: list[int]) -> bytes:
        """Return the frame with an update: one step for each value, and the four codes of what was measured."""
        for other, share in enumerate(deliver["shares"]):
            if share:
                opened = self._opened(share, other)
                self.held[other] = (opened[:33], opened[33:])
        if len(self.held) < self.least:
            raise Refusal("too few are left")
        factor = self.gather["factor"]
        codes = [min(LIMIT, max(-LIMIT, round(v * factor / s))) for v, s in zip(values, steps, strict=True)] + measured
        for other in self.held:
            sign = -1 if other < self.place else 1
            mask = stream(self._mask_secret(other), len(codes))
            codes = [(code + sign * one) % 2**16 for code, one in zip(codes, mask, strict=True)]
        header = {"protocol": 2, "cohort": self.gather["cohort"], "sequence": self.gather["sequence"]}
        return write_frame(MASKED, header, struct.pack(f"<{len(codes)}H", *codes))

    def reveal(self, unmask: Json) -> Json:
        survivors = set(unmask["survivors"])
        if self.answered or self.place not in survivors or not survivors <= set(self.held):
            raise Refusal("it is asked for more than a sum")
        if len(survivors) < self.least:
            raise Refusal("the sum would be over too few")
        self.answered = True
        shares = [
            text(self.held[place][0 if place in survivors else 1]) if place in self.held else ""
            for place in range(len(self.gather["members"]))
        ]
        return {"type": "reveal", "protocol": 2, "cohort": self.gather["cohort"], "shares": shares}

    @property
    def threshold(self) -> int:
        return max(2, math.ceil(2 * len(self.gather["members"]) / 3))

    @property
    def least(self) -> int:
        return max(self.threshold, self.min_group)

    def _mask_secret(self, other: int) -> bytes:
        """Return the key of the pair mask with another member, or of the self mask."""
        if other == self.place:
            return hkdf(self.seed, self._info(b"mask", other, other))
        key = data(self.gather["members"][other]["mask_key"])
        agreed = self.mask_key.exchange(X25519PublicKey.from_public_bytes(key))
        return hkdf(agreed, self._info(b"mask", *sorted((self.place, other))))

    def _sealed(self, shares: bytes, receiver: int) -> str:
        nonce, info = secrets.token_bytes(12), self._info(b"key shares", self.place, receiver)
        return text(nonce + self._cipher(receiver, info).encrypt(nonce, shares, info))

    def _opened(self, share: str, sender: int) -> bytes:
        info = self._info(b"key shares", sender, self.place)
        content = data(share)
        return self._cipher(sender, info).decrypt(content[:12], content[12:], info)

    def _cipher(self, other: int, info: bytes) -> ChaCha20Poly1305:
        key = data(self.gather["members"][other]["share_key"])
        return ChaCha20Poly1305(hkdf(self.share_key.exchange(X25519PublicKey.from_public_bytes(key)), info))

    def _info(self, purpose: bytes, first: int, second: int) -> bytes:
        cohort: str = self.gather["cohort"]
        return b"mfpt " + purpose + b"\n" + cohort.encode() + b"\n" + bytes([first, second])


def shamir(secret: bytes, threshold: int, members: int) -> list[bytes]:
    coefficients = [int.from_bytes(secret, "big"), *(secrets.randbelow(PRIME) for _ in range(threshold - 1))]
    values = (sum(c * pow(place + 1, power, PRIME) for power, c in enumerate(coefficients)) for place in range(members))
    return [(value % PRIME).to_bytes(33, "big") for value in values]


def stream(key: bytes, length: int) -> tuple[int, ...]:
    keystream = Cipher(ChaCha20(key, bytes(16)), mode=None).encryptor().update(bytes(2 * length))
    return struct.unpack(f"<{length}H", keystream)


def hkdf(secret: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=info).derive(secret)


def public(key: X25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def data(content: str) -> bytes:
    return base64.urlsafe_b64decode(content + "=" * (-len(content) % 4))
