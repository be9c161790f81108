"""A set in order that never changes, beside a list that is sorted anew."""

from bisect import bisect_left, insort

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfpt_coord.core.ordered import Ordered


@given(st.lists(st.integers(0, 40).map(lambda number: f"{number:02}"), max_size=200))
def test_it_has_what_was_added_and_not_removed_in_order(names: list[str]) -> None:
    ordered, known = Ordered[str](), list[str]()
    for name in names:
        before, listed = ordered, list(ordered)
        if name in known:
            ordered = ordered.minus(name)
            known.remove(name)
        else:
            ordered = ordered.plus(name)
            insort(known, name)
        assert list(before) == listed
        assert list(ordered) == known
        assert len(ordered) == len(known)


def test_a_large_one_finds_every_place_and_shrinks_to_nothing() -> None:
    numbers = [(number * 7919 % 5003) / 7 for number in range(5003)]
    ordered = Ordered[tuple[float, str]]()
    for number in numbers:
        ordered = ordered.plus((number, "x"))
    known = sorted((number, "x") for number in numbers)
    assert list(ordered) == known
    assert [ordered.at(place) for place in (0, 511, 512, 5002)] == [known[place] for place in (0, 511, 512, 5002)]
    for limit in ((-1.0, ""), known[700], (known[3000][0], ""), (1e9, "")):
        assert ordered.below(limit) == bisect_left(known, limit)
    for number in numbers:
        ordered = ordered.minus((number, "x"))
    assert (len(ordered), list(ordered)) == (0, [])
    with pytest.raises(IndexError):
        ordered.at(0)
