"""The vectors of masks in docs/protocol.md: the code makes these very bytes."""

from typing import Final

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mfpt_shared.masking.cohort import context
from mfpt_shared.masking.envelopes import KeyShares, Way, seal, unseal
from mfpt_shared.masking.shamir import recover, split
from mfpt_shared.masking.streams import agree, pair_mask, self_mask
from support.document import blocks

KEYS, MASKS, SHARES = (
    {name: bytes.fromhex(value) for name, value in block.items()} for block in blocks("Vectors of masks")
)
COHORT: Final = "c0ffee"
PRIVATE: Final = {
    name: X25519PrivateKey.from_private_bytes(value) for name, value in KEYS.items() if not name.startswith("public")
}


def test_the_public_keys_are_those_of_the_private_ones() -> None:
    for name, key in PRIVATE.items():
        assert key.public_key().public_bytes_raw() == KEYS[f"public-{name}"]


def test_two_members_have_one_pair_mask_which_the_lower_place_adds_and_the_higher_subtracts() -> None:
    assert agree(PRIVATE["mask-0"], KEYS["public-mask-1"]) == MASKS["agreed"]
    assert context("mask", COHORT, 0, 1) == MASKS["info"]
    lower = pair_mask(PRIVATE["mask-0"], KEYS["public-mask-1"], COHORT, 0, 1, 4)
    higher = pair_mask(PRIVATE["mask-1"], KEYS["public-mask-0"], COHORT, 1, 0, 4)
    assert lower.astype("<u2").tobytes() == MASKS["pair-mask"]
    np.testing.assert_array_equal(lower + higher, 0)


def test_codes_are_hidden_by_a_pair_mask_and_a_self_mask() -> None:
    own = self_mask(MASKS["seed"], COHORT, 0, 4)
    assert own.astype("<u2").tobytes() == MASKS["self-mask"]
    codes = np.array([1, -1, 1023, 0], np.int16).view(np.uint16)
    masked = codes + own + pair_mask(PRIVATE["mask-0"], KEYS["public-mask-1"], COHORT, 0, 1, 4)
    assert masked.astype("<u2").tobytes() == MASKS["masked"]


def test_key_shares_are_values_of_a_polynomial() -> None:
    coefficient = SHARES["coefficient"].rjust(64, b"\0")
    secrets = {"seed-share": MASKS["seed"], "mask-share": KEYS["mask-0"]}
    for name, secret in secrets.items():
        shares = split(secret, 2, 3, lambda _: coefficient)
        assert shares[1] == SHARES[name]
        assert recover({0: [shares[0]], 2: [shares[2]]}) == [secret]


def test_key_shares_travel_sealed_for_one_member() -> None:
    way = Way(COHORT, 0, 1)
    shares = KeyShares(SHARES["seed-share"], SHARES["mask-share"])
    assert seal(shares, way, PRIVATE["share-0"], KEYS["public-share-1"], lambda _: SHARES["nonce"]) == SHARES["sealed"]
    assert unseal(SHARES["sealed"], way, PRIVATE["share-1"], KEYS["public-share-0"]) == shares
