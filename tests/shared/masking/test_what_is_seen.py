"""What an honest but curious coordinator holds is random to it, mask by mask: these fail if any mask is left out."""

import itertools

import numpy as np
import pytest

from mfpt_shared.masking.cohort import Codes
from mfpt_shared.masking.collector import unmasked
from mfpt_shared.masking.envelopes import ENVELOPE_BYTES
from mfpt_shared.masking.shamir import recover
from mfpt_shared.masking.streams import pair_mask, self_mask
from support.cohort import NAME, Cohort, added, cohort
from support.uniformity import check_uniform

LENGTH = 2**15
SIZE = 4
EVERYBODY = range(SIZE)
EMPTY = np.zeros(LENGTH, np.uint16)
"""An update of zeros: whatever is seen of it is mask."""


class Seen:
    """A cohort whose members have sent updates of zeros, and all of its secrets."""

    def __init__(self, small: Cohort) -> None:
        small.deliver(EVERYBODY)
        self.cohort = small
        self.masked = small.masked(dict.fromkeys(EVERYBODY, EMPTY))
        self.revealed = {place: small.members[place].reveal(EVERYBODY) for place in EVERYBODY}
        seeds = recover({place: self.revealed[place] for place in range(3)})
        self.self_masks = [self_mask(seed, NAME, place, LENGTH) for place, seed in enumerate(seeds)]

    def pair_mask(self, own: int, other: int) -> Codes:
        return pair_mask(self.cohort.keys[own].mask, self.cohort.public[other].mask, NAME, own, other, LENGTH)


@pytest.fixture(scope="module")
def seen() -> Seen:
    return Seen(cohort(SIZE))


@pytest.mark.parametrize("place", EVERYBODY)
def test_what_a_member_sends_looks_random(seen: Seen, place: int) -> None:
    check_uniform(seen.masked[place])


@pytest.mark.parametrize(("own", "other"), list(itertools.permutations(EVERYBODY, 2)))
def test_each_mask_of_a_pair_hides_an_update_from_all_others_together(seen: Seen, own: int, other: int) -> None:
    known = [seen.pair_mask(own, third) for third in EVERYBODY if third not in (own, other)]
    remaining = seen.masked[own] - seen.self_masks[own] - added([*known, EMPTY])

    check_uniform(remaining)
    assert np.array_equal(remaining, seen.pair_mask(own, other))


@pytest.mark.parametrize("place", EVERYBODY)
def test_the_self_mask_hides_an_update_from_whoever_has_learnt_the_mask_key(seen: Seen, place: int) -> None:
    known = added([seen.pair_mask(place, other) for other in EVERYBODY if other != place])
    remaining = seen.masked[place] - known

    check_uniform(remaining)
    assert np.array_equal(remaining, seen.self_masks[place])


@pytest.mark.parametrize("some", [(0, 1), (1, 3), (0, 1, 2), (1, 2, 3)])
def test_the_sum_over_a_part_of_the_survivors_looks_random(seen: Seen, some: tuple[int, ...]) -> None:
    check_uniform(added([seen.masked[place] - seen.self_masks[place] for place in some]))


def test_the_sum_over_all_survivors_is_what_they_sent(seen: Seen) -> None:
    total = unmasked(NAME, seen.masked, seen.cohort.public, frozenset(EVERYBODY), seen.revealed)

    assert not total.any()


def test_masks_of_two_pairs_have_nothing_in_common(seen: Seen) -> None:
    check_uniform(seen.pair_mask(0, 1) - seen.pair_mask(0, 2))
    check_uniform(seen.pair_mask(0, 1) - seen.self_masks[0])


def test_two_members_have_the_same_mask_with_opposite_signs(seen: Seen) -> None:
    for own, other in itertools.combinations(EVERYBODY, 2):
        assert not added([seen.pair_mask(own, other), seen.pair_mask(other, own)]).any()


def test_the_same_keys_in_another_cohort_make_other_masks(seen: Seen) -> None:
    keys, public = seen.cohort.keys, seen.cohort.public
    check_uniform(seen.pair_mask(0, 1) - pair_mask(keys[0].mask, public[1].mask, "another", 0, 1, LENGTH))


def test_sealed_key_shares_look_random(seen: Seen) -> None:
    envelopes = [b"".join(seen.cohort.members[0].key_shares()) for _ in range(150)]

    assert {len(one) for one in envelopes} == {(SIZE - 1) * ENVELOPE_BYTES}
    check_uniform(np.frombuffer(b"".join(envelopes), np.uint16))
