"""What a member refuses, because it would lay its update bare."""

from collections.abc import Sequence

import numpy as np
import pytest

from mfpt_shared.errors import DecodeError, Exposing
from mfpt_shared.masking.cohort import PublicKeys
from mfpt_shared.masking.member import Keys, Member
from support.cohort import NAME, Cohort, cohort, drawn, seeded

ALL = [Keys.fresh(seeded(seed)) for seed in range(33)]
PUBLIC = [keys.public for keys in ALL]
CODES = drawn(0, 5)


def join(members: Sequence[PublicKeys], *, place: int = 0, min_group: int = 3) -> Member:
    return Member(NAME, ALL[0], place, members, min_group, seeded(0))


def ready(size: int = 5, *, min_group: int = 2) -> Cohort:
    """Return a cohort whose members have all sent their masked codes."""
    small = cohort(size, min_group=min_group)
    small.deliver(range(size))
    small.masked(dict.fromkeys(range(size), CODES))
    return small


@pytest.mark.parametrize("size", [1, 2, 33])
def test_a_cohort_that_is_too_small_or_too_large_is_refused(size: int) -> None:
    with pytest.raises(Exposing, match=f"a cohort of {size}: the plan asks for 3 to 32"):
        join(PUBLIC[:size])


@pytest.mark.parametrize("size", [3, 32])
def test_a_cohort_as_small_or_as_large_as_allowed_is_joined(size: int) -> None:
    assert len(join(PUBLIC[:size]).key_shares()) == size


@pytest.mark.parametrize(
    "twice",
    [
        PUBLIC[1],
        PublicKeys(PUBLIC[1].mask, PUBLIC[3].share),
        PublicKeys(PUBLIC[3].mask, PUBLIC[1].share),
        PublicKeys(PUBLIC[1].share, PUBLIC[3].share),
    ],
)
def test_a_cohort_with_one_key_at_two_places_is_refused(twice: PublicKeys) -> None:
    with pytest.raises(Exposing, match="one key at two places"):
        join([*PUBLIC[:3], twice])


@pytest.mark.parametrize(("members", "place"), [(PUBLIC[:4], 1), (PUBLIC[1:5], 0), (PUBLIC[:4], 4), (PUBLIC[:4], -4)])
def test_a_cohort_with_other_keys_at_ones_own_place_is_refused(members: list[PublicKeys], place: int) -> None:
    with pytest.raises(Exposing, match=f"keys are not at place {place}"):
        join(members, place=place)


def test_a_member_whose_key_is_none_gets_no_key_shares() -> None:
    with pytest.raises(DecodeError, match="public key"):
        join([*PUBLIC[:3], PublicKeys(b"m", b"s")]).key_shares()


@pytest.mark.parametrize(("size", "min_group", "left"), [(6, 2, 3), (4, 4, 3), (3, 3, 2)])
def test_too_few_key_shares_are_refused(size: int, min_group: int, left: int) -> None:
    small = cohort(size, min_group=min_group)
    with pytest.raises(Exposing, match=f"{left} members are left"):
        small.members[0].deliver(small.forwarded(0, range(left)))


@pytest.mark.parametrize("number", [0, 4, 6])
def test_key_shares_for_another_number_of_members_are_refused(number: int) -> None:
    small = cohort(5)
    envelopes = [*small.forwarded(0, range(5)), b""][:number]
    with pytest.raises(DecodeError, match=f"for {number} members came to a cohort of 5"):
        small.members[0].deliver(envelopes)


def test_key_shares_for_somebody_else_are_refused_and_leave_the_member_as_it_was() -> None:
    small = cohort(4)
    with pytest.raises(DecodeError, match="member 2 sealed"):
        small.members[0].deliver(small.forwarded(1, (0, 2, 3)))

    small.deliver(range(4))
    assert small.members[0].masked(CODES).shape == CODES.shape


def test_key_shares_are_taken_once() -> None:
    small = cohort(4)
    small.deliver(range(4))
    with pytest.raises(Exposing, match="twice, or out of turn"):
        small.deliver(range(3))


def test_nothing_is_masked_before_key_shares_came() -> None:
    with pytest.raises(Exposing, match="twice, or out of turn"):
        cohort(3).members[0].masked(CODES)


def test_nothing_is_masked_twice() -> None:
    with pytest.raises(Exposing, match="twice, or out of turn"):
        ready().members[0].masked(CODES)


@pytest.mark.parametrize("size", [2, 5])
def test_the_codes_themselves_stay_as_they_were(size: int) -> None:
    codes = drawn(3, 6)
    small = cohort(size)
    small.deliver(range(size))
    small.masked({0: codes})
    assert np.array_equal(codes, drawn(3, 6))


@pytest.mark.parametrize(
    ("survivors", "why"),
    [
        ((1, 2, 3, 4), "this one is not among them"),
        ((0, 1, 2), "fewer than the threshold"),
        ((0, 1, 2, 7), "one who is no member"),
        ((0, 1, 2, -1), "no place"),
        ((), "nobody"),
        ((0, 0, 1, 2), "one counted twice"),
    ],
)
def test_a_sum_that_would_tell_too_much_is_not_helped_with(survivors: tuple[int, ...], why: str) -> None:
    with pytest.raises(Exposing, match="asks for the sum over members"):
        ready().members[0].reveal(survivors)


def test_a_sum_below_the_plans_least_is_not_helped_with() -> None:
    small = ready(min_group=5)
    with pytest.raises(Exposing, match="at least 5"):
        small.members[0].reveal((0, 1, 2, 3))


def test_a_survivor_who_had_dropped_out_before_is_refused() -> None:
    small = cohort(5)
    small.deliver(range(4))
    small.masked(dict.fromkeys(range(4), CODES))
    with pytest.raises(Exposing, match="dropped out before"):
        small.members[0].reveal((0, 1, 2, 4))


def test_nothing_is_revealed_before_masked_codes_were_sent() -> None:
    small = cohort(3)
    small.deliver(range(3))
    with pytest.raises(Exposing, match="twice, or out of turn"):
        small.members[0].reveal(range(3))


def test_nothing_is_revealed_twice() -> None:
    small = ready()
    small.members[0].reveal(range(5))
    with pytest.raises(Exposing, match="twice, or out of turn"):
        small.members[0].reveal(range(4))


def test_a_refused_question_leaves_room_for_the_right_one() -> None:
    small = ready()
    with pytest.raises(Exposing):
        small.members[0].reveal((0,))
    assert all(small.members[0].reveal(range(5)))


def test_of_each_member_one_secret_is_revealed_and_never_both() -> None:
    small = cohort(5)
    small.deliver(range(5))
    small.masked(dict.fromkeys(range(4), CODES))
    asked = small.members[0].reveal(range(4))
    again = cohort(5)
    again.deliver(range(5))
    again.masked(dict.fromkeys(range(5), CODES))
    nobody_dropped = again.members[0].reveal(range(5))

    assert asked[:4] == nobody_dropped[:4]
    assert asked[4] != nobody_dropped[4]
    assert {len(share) for share in asked} == {33}


def test_nothing_is_revealed_of_who_dropped_out_at_the_start() -> None:
    small = cohort(5)
    small.deliver(range(4))
    small.masked(dict.fromkeys(range(4), CODES))
    assert small.members[0].reveal(range(4))[4] == b""
