"""Sums under masks: exact whoever drops out, as long as enough answer, and nothing at all when fewer do."""

import itertools
from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfpt_shared.errors import DecodeError
from mfpt_shared.masking.cohort import threshold
from mfpt_shared.masking.collector import unmasked
from support.cohort import NAME, added, cohort, drawn

LENGTH = 9

Until = Literal["gather", "deliver", "masked", "reveal"]
"""The last step that a member takes."""

STEPS: tuple[Until, ...] = ("gather", "deliver", "masked", "reveal")


class Pattern(NamedTuple):
    """Who gets how far."""

    reached: tuple[Until, ...]

    def reach(self, step: Until) -> list[int]:
        return [place for place, until in enumerate(self.reached) if STEPS.index(until) >= STEPS.index(step)]

    @property
    def is_enough(self) -> bool:
        return len(self.reach("reveal")) >= threshold(len(self.reached))


def patterns(sizes: range) -> Iterator[Pattern]:
    """Yield every way in which members can drop out, down to the threshold."""
    for size in sizes:
        found = (Pattern(reached) for reached in itertools.product(STEPS, repeat=size))
        yield from (pattern for pattern in found if pattern.is_enough)


def check_exact(pattern: Pattern) -> None:
    codes = {place: drawn(place, LENGTH) for place in pattern.reach("masked")}

    total = cohort(len(pattern.reached)).total(pattern.reach("deliver"), codes, pattern.reach("reveal"))

    assert np.array_equal(total, added(codes.values())), pattern


def test_a_sum_is_exact_under_every_pattern_of_drop_outs() -> None:
    checked = 0
    for pattern in patterns(range(2, 6)):
        check_exact(pattern)
        checked += 1
    assert checked == 1 + 10 + 13 + 16


@st.composite
def large_patterns(draw: st.DrawFn) -> Pattern:
    size = draw(st.integers(6, 32))
    needed = draw(st.integers(threshold(size), size))
    answering: list[Until] = ["reveal"] * needed
    others = draw(st.lists(st.sampled_from(STEPS), min_size=size - needed, max_size=size - needed))
    return Pattern(tuple(draw(st.permutations(answering + others))))


@settings(max_examples=6, deadline=None)
@given(large_patterns())
def test_a_sum_over_a_large_cohort_is_exact(pattern: Pattern) -> None:
    check_exact(pattern)


@pytest.mark.parametrize("size", [2, 3, 7])
def test_with_fewer_answers_than_the_threshold_there_is_no_sum(size: int) -> None:
    codes = {place: drawn(place, LENGTH) for place in range(size)}

    with pytest.raises(DecodeError, match=rf"{threshold(size) - 1} members answered.* {threshold(size)} are needed"):
        cohort(size).total(range(size), codes, range(threshold(size) - 1))


@pytest.mark.parametrize(("size", "needed"), [(2, 2), (3, 2), (4, 3), (6, 4), (30, 20), (31, 21), (32, 22)])
def test_two_of_three_must_answer(size: int, needed: int) -> None:
    assert threshold(size) == needed


def test_an_answer_with_too_few_key_shares_counts_for_nothing() -> None:
    small, codes = cohort(4), {place: drawn(place, LENGTH) for place in range(4)}
    small.deliver(range(4))
    masked = small.masked(codes)
    revealed = {place: small.members[place].reveal(range(4)) for place in range(4)}
    damaged = {0: [], 1: [b""] * 4, 2: [share[:-1] for share in revealed[2]]}

    whole = unmasked(NAME, masked, small.public, frozenset(range(4)), {**revealed, 0: []})

    assert np.array_equal(whole, added(codes.values()))
    with pytest.raises(DecodeError, match="1 members answered"):
        unmasked(NAME, masked, small.public, frozenset(range(4)), {**revealed, **damaged})


def test_key_shares_of_another_mask_key_are_noticed() -> None:
    small, codes = cohort(4), {place: drawn(place, LENGTH) for place in range(3)}
    small.deliver(range(4))
    masked = small.masked(codes)
    revealed = {place: small.members[place].reveal(codes.keys()) for place in codes}
    revealed[1][3] = revealed[0][3]

    with pytest.raises(DecodeError, match=r"member 3|do not belong together"):
        unmasked(NAME, masked, small.public, frozenset(range(4)), revealed)
