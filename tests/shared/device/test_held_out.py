"""Which examples a device leaves out of its first rounds."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfpt_shared.device.held_out import held_out, kept_in

LABELS = st.lists(st.integers(0, 6), max_size=60)


@given(labels=LABELS, seed=st.integers(0, 9))
def test_every_example_is_either_held_out_or_kept_in(labels: list[int], seed: int) -> None:
    held, kept = held_out(labels, seed), kept_in(labels, seed)
    assert sorted([*held, *kept]) == list(range(len(labels)))
    assert held == held_out(labels, seed)


@given(labels=LABELS, seed=st.integers(0, 9))
def test_a_third_of_every_label_is_held_out(labels: list[int], seed: int) -> None:
    held = Counter(labels[row] for row in held_out(labels, seed))
    for label, examples in Counter(labels).items():
        assert abs(held[label] - examples / 3) <= 1


@given(labels=LABELS, one_of=st.integers(2, 6), seed=st.integers(0, 9))
def test_another_share_can_be_held_out(labels: list[int], one_of: int, seed: int) -> None:
    of_label = Counter(labels[row] for row in held_out(labels, seed, one_of))
    for label, examples in Counter(labels).items():
        assert abs(of_label[label] - examples / one_of) <= 1


@pytest.mark.parametrize(("examples", "held"), [(0, 0), (1, 0), (2, 1), (5, 2), (6, 2), (35, 12)])
def test_at_least_one_of_two_is_held_out(examples: int, held: int) -> None:
    assert len(held_out([0] * examples)) == held


def test_a_seed_decides_which_examples_these_are() -> None:
    assert len({tuple(held_out([0] * 9, seed)) for seed in range(20)}) > 5
