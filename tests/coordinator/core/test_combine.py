"""Combined deltas, with figures worked out by hand."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pytest

from mfpt_coord.core.combine import combine
from mfpt_shared.plan import Aggregation
from mfpt_shared.tensors import Array

Way = Literal["mean", "clip", "trimmed-mean", "median"]
WAYS: tuple[Way, ...] = ("mean", "clip", "trimmed-mean", "median")


def combined(
    way: Way, weights: Sequence[Sequence[float]], deltas: Sequence[Sequence[float]], trim: float = 0.1
) -> Array:
    plan = Aggregation(combine=way, trim=trim)
    return combine(np.array(weights, np.float64), np.array(deltas, np.float32), plan)


def column(*values: float) -> list[list[float]]:
    return [[value] for value in values]


def test_the_mean_is_weighted_by_target() -> None:
    found = combined("mean", [[0.5, 0.5], [0.25, 0.5]], [[1, 10], [3, -2]])
    assert found == pytest.approx(np.array([[2.0, 4.0], [1.75, 1.5]]))


def test_deltas_longer_than_the_median_are_scaled_down_to_it() -> None:
    # Lengths 1, 5 and 50: the last becomes (3, 4).
    found = combined("clip", [[0.2, 0.4, 0.4]], [[1, 0], [4, 3], [30, 40]])
    assert found == pytest.approx(np.array([[0.2 + 1.6 + 1.2, 1.2 + 1.6]]))


def test_half_of_a_fold_cannot_lift_the_bound_for_itself() -> None:
    # Lengths 1, 2, 40 and 100: the bound is 2, not 21.
    found = combined("clip", [[0.25] * 4], column(1, 2, -40, 100))
    assert found == pytest.approx(np.array([[(1 + 2 - 2 + 2) / 4]]))


def test_of_two_deltas_neither_is_clipped() -> None:
    assert combined("clip", [[0.5, 0.5]], column(1, 100)) == pytest.approx(np.array([[50.5]]))


def test_where_most_deltas_are_zero_the_rest_is_clipped_away() -> None:
    assert combined("clip", [[0.3, 0.3, 0.4]], column(0, 0, 100)) == pytest.approx(np.zeros((1, 1)))


def test_a_trimmed_mean_leaves_whole_updates_out() -> None:
    # Of five equal weights, a fifth at either end: the mean of 2, 3 and 7.
    found = combined("trimmed-mean", [[0.2] * 5], column(7, -900, 3, 2, 1000), trim=0.2)
    assert found == pytest.approx(np.array([[4.0]]))


def test_an_update_on_the_border_counts_in_part() -> None:
    # Of four equal weights, a tenth at either end: 0.15 of 1, 0.25 of 2 and 3, 0.15 of 8.
    found = combined("trimmed-mean", [[0.25] * 4], column(8, 3, 1, 2), trim=0.1)
    assert found == pytest.approx(np.array([[(0.15 * 1 + 0.25 * 2 + 0.25 * 3 + 0.15 * 8) / 0.8]]))


def test_what_is_trimmed_is_weight_and_not_a_number_of_updates() -> None:
    # The lowest holds 0.5 of the weight and is not left out: 0.3 of it stays; of the others 0.1 and 0.2.
    found = combined("trimmed-mean", [[0.5, 0.2, 0.3]], column(0, 10, 20), trim=0.2)
    assert found == pytest.approx(np.array([[(0.3 * 0 + 0.2 * 10 + 0.1 * 20) / 0.6]]))


def test_a_trim_of_nothing_is_the_mean() -> None:
    weights, deltas = [[0.1, 0.2, 0.3], [0.3, 0.0, 0.5]], [[1, -2], [5, 3], [-4, 7]]
    found = combined("trimmed-mean", weights, deltas, trim=0.0)
    assert found == pytest.approx(combined("mean", weights, deltas), rel=1e-5)


def test_a_trim_of_nearly_all_is_the_median() -> None:
    weights, deltas = [[0.1, 0.2, 0.3]], column(1, 5, -4)
    found = combined("trimmed-mean", weights, deltas, trim=float(np.nextafter(0.5, 0)))
    assert found == pytest.approx(combined("median", weights, deltas))


@pytest.mark.parametrize(
    ("weights", "values", "median"),
    [
        ([0.2] * 5, (9, 1, 5, -3, 1000), 5),
        ([0.1, 0.6, 0.3], (1, 2, 3), 2),
        ([0.6, 0.1, 0.3], (1, 2, 3), 1),
        ([0.25] * 4, (4, 1, 2, 10), 3),
        ([0.1, 0.3, 0.2, 0.4], (1, 2, 5, 7), (5 + 5) / 2),
        ([0.1, 0.2, 0.2, 0.1, 0.4], (0, 3, 4, 6, 7), 5),
    ],
    ids=["odd", "heavy middle", "heavy end", "even", "uneven", "half the weight on either side"],
)
def test_the_median_lies_at_half_of_the_weight(weights: list[float], values: tuple[float, ...], median: float) -> None:
    expected = sum(weights) * median
    assert combined("median", [weights], column(*values)) == pytest.approx(np.array([[expected]]))


def test_the_median_of_many_is_midway_between_the_middle_two_and_takes_nothing_of_their_neighbours() -> None:
    # A thousand times 0.001 is rounded on the way; half of the weight still lies between 500² and 501².
    found = combined("median", [[0.001] * 1000], column(*(place**2 for place in range(1000, 0, -1))))
    assert found == pytest.approx(np.array([[(500**2 + 501**2) / 2]]), rel=1e-6)


def test_an_update_that_a_target_gives_no_weight_is_not_its_median() -> None:
    found = combined("median", [[0.5, 0.0, 0.5], [0.0, 1.0, 0.0]], column(2, 3, 6))
    assert found == pytest.approx(np.array([[4.0], [3.0]]))


def test_each_value_has_its_own_order() -> None:
    deltas = [[1, 30], [2, 10], [3, 20]]
    assert combined("median", [[0.3, 0.3, 0.3]], deltas) == pytest.approx(np.array([[1.8, 18.0]]))


@pytest.mark.parametrize("way", WAYS)
def test_what_a_fold_is_worth_to_a_target_is_kept(way: Way) -> None:
    found = combined(way, [[0.1, 0.1, 0.1], [0.3, 0.3, 0.3]], [[1, -5], [2, 4], [7, 3]])
    assert found[1] == pytest.approx(3 * found[0], rel=1e-5)
    assert found[0].any()


@pytest.mark.parametrize("way", WAYS)
def test_a_target_to_which_no_update_is_worth_anything_stays(way: Way) -> None:
    found = combined(way, [[0.0, 0.0, 0.0], [0.2, 0.3, 0.4]], [[1, -5], [2, 4], [7, 3]])
    assert not found[0].any()
    assert found[1].any()


@pytest.mark.parametrize("way", WAYS)
def test_large_folds_are_the_same_as_small_ones_put_together(way: Way) -> None:
    """Values are processed in blocks, and the ends of the blocks must not show."""
    rng = np.random.default_rng(3)
    weights = rng.random((7, 5)) / 5
    deltas = rng.choice([-1, 1], (5, 6001)).astype(np.float32) * np.float32(0.5)
    plan = Aggregation(combine=way)
    whole = combine(weights, deltas, plan)
    assert whole.shape == (7, 6001)
    assert whole.dtype == np.float32
    # All deltas have the same length, whichever part of them is taken, so that `clip` works on parts as well.
    parts = [combine(weights, deltas[:, start : start + 100], plan) for start in range(0, 6001, 100)]
    assert whole == pytest.approx(np.concatenate(parts, axis=1), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("way", WAYS)
def test_weights_and_deltas_are_left_alone(way: Way) -> None:
    weights, deltas = np.full((2, 3), 0.3), np.array([[1, 9], [2, -4], [70, 3]], np.float32)
    before = weights.copy(), deltas.copy()
    combine(weights, deltas, Aggregation(combine=way))
    assert np.array_equal(weights, before[0])
    assert np.array_equal(deltas, before[1])
