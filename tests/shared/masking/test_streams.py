"""Key streams: the standard's, so that any two implementations agree."""

import hashlib

import numpy as np
import pytest

from mfpt_shared.errors import DecodeError
from mfpt_shared.masking.member import Keys
from mfpt_shared.masking.streams import agree, check_keys, derive, key_stream, pair_mask, self_mask
from support.cohort import seeded

# RFC 8439, appendix A.1, first test vector.
FIRST_BYTES = "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
# RFC 5869, appendix A.3.
HKDF_INPUT, HKDF_OUTPUT = "0b" * 22, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"


def test_a_key_stream_is_the_one_of_the_standard() -> None:
    assert key_stream(bytes(32), 16).astype("<u2").tobytes().hex() == FIRST_BYTES


def test_a_key_is_derived_as_the_standard_says() -> None:
    assert derive(bytes.fromhex(HKDF_INPUT), b"").hex() == HKDF_OUTPUT


def test_a_longer_stream_begins_with_the_shorter_one() -> None:
    assert np.array_equal(key_stream(bytes(32), 1000)[:7], key_stream(bytes(32), 7))


@pytest.mark.parametrize("public", [b"", b"short", bytes(31), bytes(33), bytes(32), b"\x01" + bytes(31)])
def test_what_is_no_public_key_is_refused(public: bytes) -> None:
    with pytest.raises(DecodeError, match="public key"):
        agree(Keys.fresh(seeded(0)).mask, public)


def test_masks_are_the_same_in_every_release() -> None:
    first, second = (Keys.fresh(seeded(seed)) for seed in (1, 2))
    masks = [pair_mask(first.mask, second.public.mask, "abc", 3, 7, 100), self_mask(bytes(range(32)), "abc", 3, 100)]

    digests = [hashlib.sha256(mask.astype("<u2").tobytes()).hexdigest()[:16] for mask in masks]

    assert digests == ["614eee707718eb0c", "61f43493e96ddfc8"]


def test_private_keys_are_not_in_their_representation() -> None:
    keys = Keys.fresh(seeded(0))
    assert keys.mask.private_bytes_raw().hex() not in repr(keys)
    assert "X25519" not in repr(keys)


@pytest.mark.parametrize("small", [bytes(32), bytes([1, *bytes(31)])])
@pytest.mark.parametrize("place", [0, 1])
def test_a_key_with_which_every_secret_is_zero_is_found_at_once(small: bytes, place: int) -> None:
    keys = Keys.fresh(seeded(1)).public
    check_keys(keys)
    with pytest.raises(DecodeError, match="none of X25519"):
        check_keys(keys._replace(**{("mask", "share")[place]: small}))
