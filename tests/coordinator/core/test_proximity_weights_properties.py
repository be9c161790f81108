"""Properties of the weights that follow from every kind of proximity and every kind of evidence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mfpt_coord.core.combine import combine
from mfpt_coord.core.optimiser import apply
from mfpt_coord.core.relations import Relations
from mfpt_coord.core.weights import fold_weights
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.tensors import Array
from support.relations import DEVICES, KINDS, RELATIONS, TAGS, TARGETS, VALUES, active, contribution, plans


@KINDS
@given(relations=RELATIONS, devices=DEVICES, reported=st.integers(1, 6), data=st.data())
def test_weights_are_finite_add_up_to_at_most_1_and_hear_the_own_language(
    kind: str,
    relations: Relations,
    devices: list[tuple[LanguageCode, int]],
    reported: int,
    data: st.DataObject,
) -> None:
    plan = data.draw(plans(kind))
    buffer = [contribution(language, examples) for language, examples in devices[:reported]]
    weights = fold_weights(TARGETS, buffer, active(devices), relations, plan)
    assert weights.shape == (len(TARGETS), len(buffer))
    assert np.isfinite(weights).all()
    assert (weights >= 0).all()
    assert (weights.sum(axis=1) <= 1 + 1e-9).all()
    for column, update in enumerate(buffer):
        assert weights[TARGETS.index(update.language), column] > 0
        assert weights[0, column] > 0


@KINDS
@given(relations=RELATIONS, language=st.sampled_from(TAGS), examples=st.integers(0, 10**12), data=st.data())
def test_a_device_that_is_alone_has_all_the_weight(
    kind: str, relations: Relations, language: LanguageCode, examples: int, data: st.DataObject
) -> None:
    plan = data.draw(plans(kind))
    shares = active([(language, examples)])
    weights = fold_weights([UNDETERMINED, language], [contribution(language, examples)], shares, relations, plan)
    assert weights == pytest.approx(np.ones((2, 1)))


@KINDS
@given(
    relations=RELATIONS,
    devices=DEVICES,
    values=arrays(np.float32, VALUES, elements=st.floats(-10, 10, width=32)),
    data=st.data(),
)
def test_equal_fresh_deltas_from_all_move_every_prompt_by_exactly_that_delta(
    kind: str, relations: Relations, devices: list[tuple[LanguageCode, int]], values: Array, data: st.DataObject
) -> None:
    plan = data.draw(plans(kind))
    buffer = [contribution(language, examples, values) for language, examples in devices]
    weights = fold_weights(TARGETS, buffer, active(devices), relations, plan)
    step = combine(weights, np.stack([update.delta for update in buffer]), plan)
    start = np.zeros((len(TARGETS), VALUES), np.float32)
    moved, _ = apply(start, step, np.zeros((len(TARGETS), 0, VALUES), np.float32), plan)
    expected = np.tile(plan.learning_rate * values, (len(TARGETS), 1))
    # Opposite rounding errors of single terms are the size of the largest term.
    assert moved == pytest.approx(expected, rel=1e-4, abs=1e-30 + 1e-4 * float(np.abs(expected).max()))
