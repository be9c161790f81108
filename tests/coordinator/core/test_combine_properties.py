"""Properties of every way to combine deltas, and how far an outlier can move a prompt."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mfpt_coord.core.combine import combine
from mfpt_shared.plan import Aggregation
from mfpt_shared.tensors import Array

TARGETS, VALUES = 3, 5

PLANS = st.builds(
    Aggregation, combine=st.sampled_from(["agree", "mean", "clip", "trimmed-mean", "median"]), trim=st.floats(0, 0.45)
)
# The largest change of a value that the coordinator accepts.
CHANGES = st.floats(-1e3, 1e3, width=32)
# Only a few values, so that updates often agree in one.
ALIKE = st.sampled_from([-2.0, 0.0, 1.0, 1.5, 8.0])


@st.composite
def buffers(draw: Any, changes: st.SearchStrategy[float] = CHANGES, fewest: int = 1) -> tuple[np.ndarray, Array]:
    """Weights [targets, updates], each row adding up to at most 1, and deltas [updates, values]."""
    updates = draw(st.integers(fewest, 9))
    relative = draw(arrays(np.float64, (TARGETS, updates), elements=st.floats(0, 1)))
    worth = draw(arrays(np.float64, (TARGETS, 1), elements=st.floats(0, 1)))
    weights = worth * relative / np.maximum(relative.sum(axis=1, keepdims=True), 1e-3)
    return weights, draw(arrays(np.float32, (updates, VALUES), elements=changes))


def tolerance(deltas: Array) -> float:
    """Largest rounding error of float32 sums of these deltas."""
    return 1e-5 * float(np.abs(deltas).max()) + float(np.finfo(np.float32).tiny)


@given(buffers(), PLANS)
def test_equal_deltas_come_out_as_they_are_times_the_sum_of_the_weights(
    buffer: tuple[np.ndarray, Array], plan: Aggregation
) -> None:
    weights, deltas = buffer
    equal = np.tile(deltas[0], (len(deltas), 1))
    expected = weights.sum(axis=1, keepdims=True) * deltas[0]
    assert combine(weights, equal, plan) == pytest.approx(expected, rel=1e-5, abs=1e-30)


@given(st.one_of(buffers(), buffers(ALIKE)), PLANS, st.randoms(use_true_random=False))
def test_the_order_in_a_buffer_does_not_matter(
    buffer: tuple[np.ndarray, Array], plan: Aggregation, random: Any
) -> None:
    weights, deltas = buffer
    shuffled = random.sample(range(len(deltas)), len(deltas))
    found = combine(weights[:, shuffled], deltas[shuffled], plan)
    assert found == pytest.approx(combine(weights, deltas, plan), rel=1e-5, abs=tolerance(deltas))


@given(st.one_of(buffers(), buffers(ALIKE)), PLANS)
def test_opposite_deltas_give_the_opposite(buffer: tuple[np.ndarray, Array], plan: Aggregation) -> None:
    weights, deltas = buffer
    assert combine(weights, -deltas, plan) == pytest.approx(
        -combine(weights, deltas, plan), rel=1e-5, abs=tolerance(deltas)
    )


@given(buffers(), PLANS)
def test_nothing_leaves_the_range_of_the_updates(buffer: tuple[np.ndarray, Array], plan: Aggregation) -> None:
    weights, deltas = buffer
    assume(plan.combine not in ("agree", "clip"))  # What is scaled down may be nearer to zero than all.
    sums, found = weights.sum(axis=1, keepdims=True), combine(weights, deltas, plan)
    assert (found >= sums * deltas.min(axis=0) - tolerance(deltas)).all()
    assert (found <= sums * deltas.max(axis=0) + tolerance(deltas)).all()


@given(buffers(fewest=3), st.floats(0.01, 0.49), st.floats(0, 0.99), st.data())
def test_an_outlier_of_less_weight_than_is_trimmed_cannot_leave_the_range_of_the_others(
    buffer: tuple[np.ndarray, Array], trim: float, part: float, data: st.DataObject
) -> None:
    weights, deltas = buffer
    plan = data.draw(st.sampled_from([Aggregation(combine="trimmed-mean", trim=trim), Aggregation(combine="median")]))
    limit = trim if plan.combine == "trimmed-mean" else 0.499
    # The last update gets the given share of the weight that a target trims, the others get the rest.
    rest = weights[:, :-1].sum(axis=1)
    assume((rest > 1e-6).all())
    weights[:, -1] = rest * part * limit / (1 - part * limit)
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1)
    deltas[-1] = data.draw(arrays(np.float32, VALUES, elements=st.sampled_from([-1e30, -1e3, 1e3, 1e30])))
    honest = deltas[:-1]
    sums, found = weights.sum(axis=1, keepdims=True), combine(weights, deltas, plan)
    assert (found >= sums * honest.min(axis=0) - tolerance(honest)).all()
    assert (found <= sums * honest.max(axis=0) + tolerance(honest)).all()


@given(buffers(fewest=3), st.floats(1, 1e30), st.data())
def test_a_clipped_outlier_moves_a_prompt_no_further_than_the_others_deltas_are_long(
    buffer: tuple[np.ndarray, Array], size: float, data: st.DataObject
) -> None:
    weights, deltas = buffer
    honest = float(np.linalg.norm(deltas[:-1].astype(np.float64), axis=1).max())
    assume(honest > 1e-3)
    deltas[-1] = size * data.draw(arrays(np.float32, VALUES, elements=st.floats(-1, 1, width=32)))
    found = combine(weights, deltas, Aggregation(combine="clip"))
    without = combine(weights[:, :-1], deltas[:-1], Aggregation(combine="mean"))
    # Clipping takes at most their length from the others, and the outlier adds at most the longest of those.
    moved = np.linalg.norm((found - without).astype(np.float64), axis=1)
    assert (moved <= honest * (1 + 1e-4)).all()


@given(buffers(), st.floats(0.1, 10), PLANS)
def test_larger_deltas_move_a_prompt_as_much_further(
    buffer: tuple[np.ndarray, Array], factor: float, plan: Aggregation
) -> None:
    weights, deltas = buffer
    larger = (factor * deltas).astype(np.float32)
    expected = factor * combine(weights, deltas, plan)
    # What `agree` believes of each update is found step by step, which makes more of a rounding error.
    error = 1e-2 * float(np.abs(deltas).max()) if plan.combine == "agree" else tolerance(deltas)
    assert combine(weights, larger, plan) == pytest.approx(expected, rel=1e-4, abs=factor * error)
