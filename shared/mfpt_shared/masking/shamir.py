"""Secrets split into key shares: some number of them give the secret back, and fewer tell nothing about it.

A secret is the value at 0 of a random polynomial modulo a prime, and the share of the member at place i its value at
i + 1.

Source: Shamir 1979, "How to share a secret", Communications of the ACM 22 (11).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from mfpt_shared.errors import DecodeError
from mfpt_shared.masking.cohort import Randomness

PRIME: Final = 2**256 + 297
"""The least prime that is larger than every secret."""

SECRET_BYTES: Final = 32
SHARE_BYTES: Final = 33

_DRAWN_BYTES: Final = 64
"""Drawn for a number below `PRIME`, so that its distribution is off by less than 2^-250."""


def split(secret: bytes, threshold: int, members: int, randomness: Randomness) -> list[bytes]:
    """Return a share of a secret for each member.

    Args:
        secret: 32 bytes.
        threshold: How many shares give the secret back.
        members: Number of shares.
        randomness: Where the polynomial comes from.

    Returns:
        The shares by place, 33 bytes each, big-endian.
    """
    drawn = (int.from_bytes(randomness(_DRAWN_BYTES), "big") % PRIME for _ in range(threshold - 1))
    coefficients = [int.from_bytes(secret, "big"), *drawn]
    return [_value(coefficients, place + 1).to_bytes(SHARE_BYTES, "big") for place in range(members)]


def is_share(share: bytes) -> bool:
    """Tell whether this is some share of some secret: a number of 33 bytes below the prime."""
    return len(share) == SHARE_BYTES and int.from_bytes(share, "big") < PRIME


def recover(shares: Mapping[int, Sequence[bytes]]) -> list[bytes]:
    """Return the secrets of which these are shares.

    Args:
        shares: As many holders as the threshold says: their shares by place, the same number and order of secrets for
            each.

    Raises:
        DecodeError: They are not shares of such secrets.
    """
    weights = _weights(sorted(shares))
    rows = [[_number(share) for share in shares[place]] for place in weights]
    return [_secret(_at_zero(column, weights.values())) for column in zip(*rows, strict=True)]


def _value(coefficients: Sequence[int], at: int) -> int:
    """Return the value of a polynomial, by Horner's rule."""
    value = 0
    for coefficient in reversed(coefficients):
        value = (value * at + coefficient) % PRIME
    return value


def _weights(places: Sequence[int]) -> dict[int, int]:
    """Return, by place, what each share counts in the value at 0 (Lagrange)."""
    points = [place + 1 for place in places]
    weights = {}
    for place, point in zip(places, points, strict=True):
        others = [other for other in points if other != point]
        away = math.prod(other - point for other in others)
        weights[place] = math.prod(others) * pow(away, -1, PRIME) % PRIME
    return weights


def _at_zero(column: Iterable[int], weights: Iterable[int]) -> int:
    return sum(share * weight for share, weight in zip(column, weights, strict=True)) % PRIME


def _number(share: bytes) -> int:
    if not is_share(share):
        raise DecodeError(
            f"{len(share)} bytes are no key share: it is a number of {SHARE_BYTES} bytes below 2^256 + 297"
        )
    return int.from_bytes(share, "big")


def _secret(number: int) -> bytes:
    if number.bit_length() > 8 * SECRET_BYTES:
        raise DecodeError("key shares do not belong together")
    return number.to_bytes(SECRET_BYTES, "big")
