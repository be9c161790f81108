"""The coordinator's part in a cohort: the sum of the survivors' codes, without the masks.

The masks of two survivors cancel. What remains in the sum is each survivor's self mask, and its masks with those who
dropped out after their key shares had been delivered; both follow from secrets that enough survivors have revealed.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mfpt_shared.errors import DecodeError
from mfpt_shared.masking.cohort import Codes, PublicKeys, threshold
from mfpt_shared.masking.shamir import is_share, recover
from mfpt_shared.masking.streams import pair_mask, self_mask


def unmasked(
    cohort: str,
    masked: Mapping[int, Codes],
    keys: Sequence[PublicKeys],
    delivered: frozenset[int],
    revealed: Mapping[int, Sequence[bytes]],
) -> Codes:
    """Return the sum of the survivors' codes modulo 2^16.

    Args:
        cohort: Its id.
        masked: What each survivor sent, by place, [length] each.
        keys: Keys of all members, by place.
        delivered: Places of those whose key shares were delivered; the survivors are among them.
        revealed: What survivors answered to `unmask`: key shares by place. An answer with other shares than these
            counts for nothing.

    Raises:
        DecodeError: Fewer than the threshold answered, or the key shares do not belong together.
    """
    needed, places = threshold(len(keys)), sorted(delivered)
    usable = [holder for holder in sorted(masked.keys() & revealed.keys()) if _is_whole(revealed[holder], places, keys)]
    if len(usable) < needed:
        raise DecodeError(f"cohort {cohort}: {len(usable)} members answered for the sum, and {needed} are needed")
    secrets = recover({holder: [revealed[holder][place] for place in places] for holder in usable[:needed]})
    total = np.zeros_like(masked[usable[0]])
    for codes in masked.values():
        total += codes
    for place, secret in zip(places, secrets, strict=True):
        if place in masked:
            total -= self_mask(secret, cohort, place, len(total))
        else:
            total += _missing(cohort, place, secret, keys, masked)
    return total


def _missing(cohort: str, place: int, secret: bytes, keys: Sequence[PublicKeys], masked: Mapping[int, Codes]) -> Codes:
    """Return the masks that a member who dropped out would have brought, so that those of the survivors cancel.

    Raises:
        DecodeError: The secret is not its mask key.
    """
    private = X25519PrivateKey.from_private_bytes(secret)
    if private.public_key().public_bytes_raw() != keys[place].mask:
        raise DecodeError(f"cohort {cohort}: the key shares for member {place} are of another key than its own")
    total = np.zeros_like(next(iter(masked.values())))
    for other in masked:
        total += pair_mask(private, keys[other].mask, cohort, place, other, len(total))
    return total


def _is_whole(shares: Sequence[bytes], places: Sequence[int], keys: Sequence[PublicKeys]) -> bool:
    """Tell whether an answer has a key share for each member that is asked about."""
    return len(shares) == len(keys) and all(is_share(shares[place]) for place in places)
