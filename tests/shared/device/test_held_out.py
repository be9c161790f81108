"""Which examples a device leaves out of its first rounds."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfpt_shared.device.held_out import held_out, kept_in

LABELS = st.lists(st.integers(0, 6), max_size=60)


def keys(labels: Sequence[int]) -> list[str]:
    return [f"example {row}" for row in range(len(labels))]


@given(labels=LABELS, seed=st.integers(0, 9))
def test_every_example_is_either_held_out_or_kept_in(labels: list[int], seed: int) -> None:
    held, kept = held_out(labels, keys(labels), seed), kept_in(labels, keys(labels), seed)
    assert sorted([*held, *kept]) == list(range(len(labels)))
    assert held == held_out(labels, keys(labels), seed)


@given(labels=LABELS, seed=st.integers(0, 9))
def test_a_third_of_every_label_is_held_out(labels: list[int], seed: int) -> None:
    held = Counter(labels[row] for row in held_out(labels, keys(labels), seed))
    for label, examples in Counter(labels).items():
        assert abs(held[label] - examples / 3) <= 1


@given(labels=LABELS, one_of=st.integers(2, 6), seed=st.integers(0, 9))
def test_another_share_can_be_held_out(labels: list[int], one_of: int, seed: int) -> None:
    of_label = Counter(labels[row] for row in held_out(labels, keys(labels), seed, one_of))
    for label, examples in Counter(labels).items():
        assert abs(of_label[label] - examples / one_of) <= 1


@pytest.mark.parametrize(("examples", "held"), [(0, 0), (1, 0), (2, 1), (5, 2), (6, 2), (35, 12)])
def test_at_least_one_of_two_is_held_out(examples: int, held: int) -> None:
    assert len(held_out([0] * examples, keys([0] * examples))) == held


def test_a_seed_decides_which_examples_these_are() -> None:
    assert len({tuple(held_out([0] * 9, keys([0] * 9), seed)) for seed in range(20)}) > 5


@given(labels=LABELS, seed=st.integers(0, 9))
def test_the_order_of_the_examples_makes_no_difference(labels: list[int], seed: int) -> None:
    known = keys(labels)
    held = {known[row] for row in held_out(labels, known, seed)}
    assert held == {known[::-1][row] for row in held_out(labels[::-1], known[::-1], seed)}


@pytest.mark.parametrize("seed", range(5))
def test_next_to_nothing_that_was_trained_on_is_held_out_when_examples_are_added(seed: int) -> None:
    labels = [row % 4 for row in range(400)]
    known = keys(labels)
    trained_on = set(kept_in(labels[:100], known[:100], seed))
    held_later = set(held_out(labels, known, seed))
    assert len(trained_on & held_later) <= 12, "drawn anew, a third of 66 would be"


def test_copies_of_an_example_are_next_to_each_other_so_that_they_stay_together() -> None:
    known = [f"example {row // 3}" for row in range(90)]
    of = Counter(known[row] for row in held_out([0] * 90, known))
    assert sum(copies < 3 for copies in of.values()) <= 1
