"""What the members of a cohort and the coordinator must agree on."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mfpt_shared.errors import DecodeError

Codes = NDArray[np.uint16]
"""Integers modulo 2^16."""

Randomness = Callable[[int], bytes]
"""Returns as many random bytes as asked for: `secrets.token_bytes`, or a generator with a seed in a simulation."""


class PublicKeys(NamedTuple):
    """The keys by which the other members of a cohort know one of them: X25519 (RFC 7748), 32 bytes each.

    Attributes:
        mask: For the masks that it has in common with each of them.
        share: For the key shares that travel between it and each of them.
    """

    mask: bytes
    share: bytes


def threshold(members: int) -> int:
    """Return how many members of a cohort must answer at the end: two of three, and two at least.

    Source: Bonawitz et al. 2017, section 6: while 2 t is more than the members and those of them who collude with the
    coordinator together, nobody learns both secrets of a member by asking two halves of a cohort for different ones.
    """
    return max(2, -(-2 * members // 3))


def context(purpose: str, cohort: str, first: int, second: int) -> bytes:
    """Return what binds a derived key to its use: a purpose, a cohort, and two places in it."""
    return b"".join((b"mfpt ", purpose.encode(), b"\n", cohort.encode(), b"\n", bytes((first, second))))


def check_places(number: int, members: int, what: str) -> None:
    """Check that a list has one entry for each member of a cohort.

    Raises:
        DecodeError: It has more, or fewer.
    """
    if number != members:
        raise DecodeError(f"{what} for {number} members came to a cohort of {members}")
