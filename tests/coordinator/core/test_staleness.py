"""What an update weighs by how many versions it is behind."""

import pytest

from mfpt_coord.core.staleness import freshness
from mfpt_shared.plan import Aggregation


@pytest.mark.parametrize(("staleness", "weight"), [(0, 1.0), (1, 0.5**0.5), (3, 0.5), (99, 0.1)])
def test_staleness_costs_the_square_root_by_default(staleness: int, weight: float) -> None:
    assert freshness(staleness, Aggregation()) == pytest.approx(weight)


def test_an_exponent_of_zero_ignores_staleness() -> None:
    assert freshness(20, Aggregation(staleness_exponent=0.0)) == 1.0


def test_constant_ignores_staleness_whatever_the_exponent() -> None:
    assert freshness(20, Aggregation(staleness="constant", staleness_exponent=2.0)) == 1.0


@pytest.mark.parametrize(("staleness", "weight"), [(0, 1.0), (4, 1.0), (5, 1 / 3), (6, 0.2), (14, 1 / 21)])
def test_a_hinge_falls_only_after_the_grace(staleness: int, weight: float) -> None:
    plan = Aggregation(staleness="hinge", staleness_exponent=2.0, staleness_grace=4)
    assert freshness(staleness, plan) == pytest.approx(weight)
