"""Corrections for many tests."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reproduction.many_tests import holm, most_by_chance

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=30)


def test_the_example_of_a_textbook_is_corrected_as_there() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(p_values)
def test_a_corrected_value_is_never_smaller_and_at_most_one(found: list[float]) -> None:
    assert all(before <= after <= 1 for before, after in zip(found, holm(found), strict=True))


@given(p_values)
def test_correction_keeps_the_order(found: list[float]) -> None:
    pairs = sorted(zip(found, holm(found), strict=True))
    assert [after for _, after in pairs] == sorted(after for _, after in pairs)


def test_without_any_effect_one_study_of_twenty_finds_one() -> None:
    rng = np.random.default_rng(0)
    wrong = np.mean([min(holm(rng.random(40).tolist())) < 0.05 for _ in range(1000)])
    assert 0.03 <= wrong <= 0.07


@pytest.mark.parametrize("tests", [1, 20, 130])
def test_chance_rarely_gives_more_than_is_said(tests: int) -> None:
    counts = np.random.default_rng(1).binomial(tests, 0.05, 20_000)
    assert np.mean(counts <= most_by_chance(tests)) >= 0.94
    assert most_by_chance(tests) == 0 or np.mean(counts <= most_by_chance(tests) - 1) < 0.96
