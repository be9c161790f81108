"""Prompt states: layouts, the first state, flat form, and what packing costs."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mfpt_shared.errors import Incompatible
from mfpt_shared.plan import BackboneSpec, Plan, PromptSpec, Task, made
from mfpt_shared.tensors import (
    Array,
    PromptState,
    check_layout,
    clip_norm,
    dense,
    dequantise,
    difference,
    flatten,
    halve,
    initial_state,
    layout,
    quantise,
    quantise_with_feedback,
    size,
    total,
    unflatten,
)

LABELS = ("a", "b", "c")
# Normal numbers only: below them float32 itself has no half steps.
NUMBERS = st.just(0.0) | st.floats(2.0**-80, 2.0**80, width=32) | st.floats(-(2.0**80), -(2.0**-80), width=32)
ARRAYS = hnp.arrays(np.float32, hnp.array_shapes(min_dims=1, max_dims=2, max_side=6), elements=NUMBERS)
DELTAS = st.lists(hnp.arrays(np.float32, (3, 4), elements=st.floats(-8, 8, width=32)), min_size=1, max_size=12)


def plan(method: str = "late", **prompt: object) -> Plan:
    return Plan(
        task=Task(labels=LABELS),
        backbone=BackboneSpec(width=8, layers=4),
        prompt=made(PromptSpec, method=method, tokens=5, encoder_width=6, **prompt),
    )


HEAD = {"head.weight": (3, 8), "head.bias": (3,)}


@pytest.mark.parametrize("method", ["late", "prompt"])
def test_a_soft_prompt_is_virtual_tokens_and_a_head(method: str) -> None:
    assert dict(layout(plan(method))) == {"prompt": (5, 8), **HEAD}


def test_p_tuning_adds_an_encoder_of_three_layers() -> None:
    assert dict(layout(plan("p-tuning"))) == {
        "prompt": (5, 8),
        "encoder.0.weight": (6, 8),
        "encoder.0.bias": (6,),
        "encoder.2.weight": (6, 6),
        "encoder.2.bias": (6,),
        "encoder.4.weight": (8, 6),
        "encoder.4.bias": (8,),
        **HEAD,
    }


def test_the_size_of_a_layout_is_the_number_of_its_values() -> None:
    assert size(layout(plan())) == 5 * 8 + 3 * 8 + 3


@pytest.mark.parametrize("method", ["late", "prompt", "p-tuning"])
def test_the_first_state_fits_its_layout(method: str) -> None:
    state = initial_state(plan(method))
    check_layout(state, layout(plan(method)))
    assert {array.dtype for array in state.values()} == {np.dtype(np.float32)}


def test_the_first_state_is_the_same_in_every_process() -> None:
    script = """
from mfpt_shared.plan import *
from mfpt_shared.tensors import *
made = Plan(task=Task(labels=("a", "b", "c")), backbone=BackboneSpec(width=8, layers=4),
            prompt=PromptSpec(method="p-tuning", tokens=5, encoder_width=6))
print(flatten(initial_state(made), layout(made)).tobytes().hex())
"""
    there = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()
    here = plan("p-tuning")
    assert there == flatten(initial_state(here), layout(here)).tobytes().hex()


def test_another_seed_gives_another_first_state() -> None:
    assert not np.array_equal(initial_state(plan(seed=1))["prompt"], initial_state(plan(seed=2))["prompt"])


def test_the_first_state_has_the_plans_spread_and_an_empty_head() -> None:
    wide = Plan(
        task=Task(labels=LABELS),
        backbone=BackboneSpec(width=512, layers=4),
        prompt=PromptSpec(tokens=64, init_std=0.25),
    )
    state = initial_state(wide)
    assert float(state["prompt"].std()) == pytest.approx(0.25, rel=0.05)
    assert not state["head.weight"].any()
    assert not state["head.bias"].any()


def test_flat_form_is_taken_apart_again() -> None:
    shapes = layout(plan("p-tuning"))
    vector = np.arange(size(shapes), dtype=np.float32)
    state = unflatten(vector, shapes)
    check_layout(state, shapes)
    assert np.array_equal(flatten(state, shapes), vector)


def test_flat_form_does_not_depend_on_the_order_of_names() -> None:
    shapes, state = layout(plan()), initial_state(plan(seed=3))
    shuffled = dict(reversed(list(state.items())))
    assert np.array_equal(flatten(shuffled, shapes), flatten(state, shapes))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"head.bias": None}, "'head.bias' is missing"),
        ({"extra": np.zeros(1, np.float32)}, "'extra' is not part of the plan"),
        ({"head.bias": np.zeros(4, np.float32)}, r"'head.bias' has shape \[4\], the plan says \[3\]"),
        ({"head.bias": np.zeros((3, 1), np.float32)}, r"'head.bias' has shape \[3, 1\], the plan says \[3\]"),
    ],
)
def test_a_state_of_another_layout_is_refused_by_name(change: dict[str, Array | None], problem: str) -> None:
    changed: dict[str, Array | None] = {**initial_state(plan()), **change}
    state = {name: array for name, array in changed.items() if array is not None}
    with pytest.raises(Incompatible, match=problem):
        check_layout(state, layout(plan()))


@given(ARRAYS)
def test_quantising_is_wrong_by_half_a_step_at_most(array: Array) -> None:
    packed = quantise(array)
    assert packed.values.dtype == np.int8
    assert packed.values.shape == array.shape
    assert packed.scale.dtype == np.float32
    steps = packed.scale[:, None] if array.ndim > 1 else packed.scale
    errors = np.abs(dequantise(packed).astype(np.float64) - array)
    # The last 0.1 % is the rounding of float32 itself.
    assert (errors <= steps * 0.5005).all()


@given(ARRAYS)
def test_quantising_keeps_zeros_and_signs(array: Array) -> None:
    restored = dequantise(quantise(array))
    assert not restored[array == 0].any()
    assert (restored * np.sign(array) >= 0).all()


def test_each_row_has_its_own_scale() -> None:
    array = np.array([[1000.0, 500.0], [0.001, 0.0005]], np.float32)
    assert dequantise(quantise(array)) == pytest.approx(array, rel=0.01)


def test_a_row_of_zeros_stays_zeros() -> None:
    restored = dequantise(quantise(np.array([[0.0, 0.0], [1.0, -1.0]], np.float32)))
    assert restored.tolist() == [[0.0, 0.0], [1.0, -1.0]]


@settings(max_examples=100)
@given(DELTAS)
def test_error_feedback_loses_nothing_in_the_long_run(deltas: list[Array]) -> None:
    """What was sent, and what is left over, is together what was wanted."""
    residual: PromptState | None = None
    sent = np.zeros_like(deltas[0], np.float64)
    for delta in deltas:
        packed, residual = quantise_with_feedback({"x": delta}, residual)
        sent += dequantise(packed["x"])
    assert residual is not None
    wanted = np.sum(deltas, axis=0, dtype=np.float64)
    assert sent + residual["x"] == pytest.approx(wanted, abs=1e-4)


@settings(max_examples=100)
@given(DELTAS)
def test_error_feedback_does_not_pile_up(deltas: list[Array]) -> None:
    residual: PromptState | None = None
    for delta in deltas:
        packed, residual = quantise_with_feedback({"x": delta}, residual)
        assert (np.abs(residual["x"]) <= packed["x"].scale[:, None] * 0.5005 + 1e-30).all()


def test_a_delta_below_half_a_step_is_sent_after_a_few_updates() -> None:
    delta = {"x": np.array([1.0, 0.001], np.float32)}
    residual: PromptState | None = None
    sent = 0.0
    for _ in range(10):
        packed, residual = quantise_with_feedback(delta, residual)
        sent += float(dequantise(packed["x"])[1])
    assert sent == pytest.approx(0.01, abs=0.005)
    assert float(dequantise(quantise(delta["x"]))[1]) == 0.0


STATES = st.fixed_dictionaries(
    {
        "a": hnp.arrays(np.float32, (2, 3), elements=st.floats(-1e6, 1e6, width=32)),
        "b": hnp.arrays(np.float32, (2,), elements=st.floats(-1e6, 1e6, width=32)),
    }
)


def norm(state: PromptState) -> float:
    return float(np.sqrt(sum(np.square(array, dtype=np.float64).sum() for array in state.values())))


@given(STATES, st.floats(0.01, 1e6))
def test_clipping_brings_the_norm_of_the_whole_state_to_the_limit(state: PromptState, limit: float) -> None:
    clipped = clip_norm(state, limit)
    if norm(state) <= limit * (1 - 1e-6):
        assert all(np.array_equal(clipped[name], state[name]) for name in state)
    else:
        assert norm(clipped) == pytest.approx(limit, rel=1e-5)


@given(STATES, st.floats(0.01, 1e6))
def test_clipping_keeps_the_direction(state: PromptState, limit: float) -> None:
    clipped = clip_norm(state, limit)
    factor = norm(clipped) / norm(state) if norm(state) else 1.0
    for name in state:
        assert clipped[name] == pytest.approx(state[name] * factor, rel=1e-4, abs=1e-6)


def test_a_limit_of_zero_clips_nothing() -> None:
    state = {"x": np.full(3, 1e6, np.float32)}
    assert np.array_equal(clip_norm(state, 0)["x"], state["x"])


def test_clipping_a_huge_delta_keeps_its_direction_too() -> None:
    """Squares of 1e20 do not fit into float32."""
    clipped = clip_norm({"x": np.array([3e20, -4e20], np.float32)}, 5.0)
    assert clipped["x"] == pytest.approx(np.array([3.0, -4.0]), rel=1e-5)


def test_half_precision_cuts_what_is_out_of_its_range() -> None:
    halved = halve({"x": np.array([1e6, -1e6, 0.5], np.float32)})
    assert halved["x"].dtype == np.float16
    assert halved["x"].tolist() == [65504.0, -65504.0, 0.5]


def test_dense_makes_float32_of_all_forms() -> None:
    array = np.array([[1.0, -0.5], [2.0, 4.0]], np.float32)
    made = dense({"f32": array, "f16": array.astype(np.float16), "i8": quantise(array)})
    assert {one.dtype for one in made.values()} == {np.dtype(np.float32)}
    assert np.array_equal(made["f16"], array)
    assert made["i8"] == pytest.approx(array, rel=0.01)


def test_a_difference_leads_from_the_old_state_to_the_new_one() -> None:
    old, new = {"x": np.array([1.0, 2.0], np.float32)}, {"x": np.array([4.0, 0.5], np.float32)}
    assert np.array_equal(total(old, difference(new, old))["x"], new["x"])
