"""The grid: updates as integers that add up, and what is not lost on the way."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfpt_shared.errors import DecodeError
from mfpt_shared.masking.cohort import Codes
from mfpt_shared.masking.grid import Extras, Grid, grid
from mfpt_shared.plan import BackboneSpec, Plan, Privacy, PromptSpec, Task, made
from mfpt_shared.tensors import PromptState, clip_norm, flatten, size, unflatten
from support.cohort import added

NOTHING = Extras()


def plan(*, method: str = "late", kind: str = "classification", **privacy: object) -> Plan:
    labels = () if kind == "generation" else ("a", "b", "c")
    return Plan(
        task=made(Task, labels=labels, kind=kind),
        backbone=BackboneSpec(width=8, layers=4),
        prompt=made(PromptSpec, method=method, tokens=5, encoder_width=6),
        privacy=made(Privacy, aggregation="masked", **privacy),
    )


def noisy(multiplier: float = 1.0, clip: float = 2.0) -> Grid:
    return grid(plan(noise="distributed", clip_norm=clip, noise_multiplier=multiplier))


PLAIN = grid(plan())


def delta(scale: float, seed: int = 0, of: Grid = PLAIN) -> PromptState:
    values = np.random.default_rng(seed).standard_normal(size(of.shapes)) * scale
    return unflatten(values.astype(np.float32), of.shapes)


def numbers(codes: Codes) -> list[int]:
    return codes.view(np.int16).tolist()  # type: ignore[no-any-return]  # NumPy's stubs do not say what comes


def test_each_part_has_the_step_that_its_learning_rate_asks_for() -> None:
    training = plan().training
    prompt, head = (8 * rate * 9 / 1023 for rate in (training.prompt_learning_rate, training.head_learning_rate))

    assert PLAIN.parts == (5 * 8, 3 * 8 + 3)
    assert PLAIN.steps == (prompt, head)
    assert PLAIN.length == 67 + 4


def test_an_encoder_is_a_part_of_the_prompt() -> None:
    with_encoder = grid(plan(method="p-tuning"))
    assert with_encoder.parts == (size(with_encoder.shapes) - 27, 27)


def test_a_task_without_a_head_has_a_grid_as_well() -> None:
    headless = grid(plan(kind="generation"))
    codes, _ = headless.encode(delta(0.1, of=headless), 1.0, NOTHING)
    assert headless.parts == (40, 0)
    assert headless.decode(codes, 1).delta.shape == (40,)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 99), st.floats(0, 1)), min_size=1, max_size=32))
def test_the_mean_of_a_sum_is_the_mean_of_the_updates(devices: list[tuple[int, float]]) -> None:
    updates = [(delta(0.01, seed), factor) for seed, factor in devices]
    total = added([PLAIN.encode(update, factor, NOTHING)[0] for update, factor in updates])

    wanted = np.mean([flatten(update, PLAIN.shapes) * factor for update, factor in updates], axis=0)

    assert np.abs(PLAIN.decode(total, len(devices)).delta - wanted).max() <= 0.5001 * max(PLAIN.steps)


@given(st.floats(1e-6, 1e3), st.floats(0, 1), st.integers(0, 99))
def test_what_is_sent_and_what_is_left_make_up_the_update(scale: float, factor: float, seed: int) -> None:
    codes, left = PLAIN.encode(delta(scale, seed), factor, NOTHING)

    both = PLAIN.decode(codes, 1).delta + flatten(left, PLAIN.shapes)

    assert np.allclose(both, flatten(delta(scale, seed), PLAIN.shapes) * factor, rtol=1e-5, atol=1e-6 * scale)


def test_halves_are_rounded_to_even() -> None:
    values = np.zeros(67, np.float32)
    values[:5] = np.array([0.5, 1.5, -0.5, -1.5, -2.5]) * 0.25
    exact = replace(PLAIN, steps=(0.25, 0.25))

    codes, _ = exact.encode(unflatten(values, PLAIN.shapes), 1.0, NOTHING)

    assert numbers(codes)[:5] == [0, 2, 0, -2, -2]


def test_a_value_beyond_the_grid_is_cut_and_carried() -> None:
    far = unflatten(np.full(67, 10.0, np.float32), PLAIN.shapes)
    codes, left = PLAIN.encode(far, 1.0, NOTHING)
    assert set(numbers(codes)[:67]) == {1023}
    assert flatten(left, PLAIN.shapes)[0] == pytest.approx(10.0 - 1023 * PLAIN.steps[0])


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_full_cohort_at_the_ends_of_the_grid_does_not_overflow(sign: float) -> None:
    far = unflatten(np.full(67, sign * 10.0, np.float32), PLAIN.shapes)
    codes, _ = PLAIN.encode(far, 1.0, Extras(1.0, 1.0))

    total = PLAIN.decode(added([codes] * 32), 32)

    assert total.delta[0] == pytest.approx(sign * 1023 * PLAIN.steps[0])
    assert (total.own_share, total.accuracy) == (1.0, 1.0)


def test_a_plans_clipping_comes_before_the_grid() -> None:
    clipping = grid(plan(clip_norm=0.5))
    codes, left = clipping.encode(delta(1.0), 0.5, NOTHING)

    both = clipping.decode(codes, 1).delta + flatten(left, clipping.shapes)

    assert np.allclose(both, 0.5 * flatten(clip_norm(delta(1.0), 0.5), clipping.shapes), atol=1e-6)


def test_measurements_are_averaged_over_those_who_have_them() -> None:
    known = [Extras(0.25, None), Extras(0.75, 0.5), Extras(None, None)]
    total = added([PLAIN.encode(delta(0.01), 1.0, extras)[0] for extras in known])

    answer = PLAIN.decode(total, 3)

    assert answer.own_share == pytest.approx(0.5, abs=1 / 1023)
    assert answer.accuracy == pytest.approx(0.5, abs=1 / 1023)


def test_measurements_that_nobody_has_are_missing() -> None:
    codes, _ = PLAIN.encode(delta(0.01), 1.0, NOTHING)
    assert PLAIN.decode(codes, 1)[1:] == (None, None)


@pytest.mark.parametrize("members", [1, 3, 32])
@pytest.mark.parametrize("of", [PLAIN, noisy()])
def test_a_sum_with_a_mask_in_it_is_refused(members: int, of: Grid) -> None:
    random = np.random.default_rng(5).integers(0, 2**16, of.length).astype(np.uint16)
    random[0] = 2**15
    with pytest.raises(DecodeError, match=f"not the sum of {members} updates"):
        of.decode(random, members)


@pytest.mark.parametrize(("length", "members"), [(70, 2), (72, 2), (71, 0), (71, 33)])
def test_a_sum_of_another_size_is_refused(length: int, members: int) -> None:
    with pytest.raises(DecodeError):
        PLAIN.decode(np.zeros(length, np.uint16), members)


def test_with_noise_all_parts_have_one_step() -> None:
    assert noisy(multiplier=0.5, clip=2.0).steps == (2.0 * 0.5 / 256,) * 2


def test_with_hardly_any_noise_a_code_is_cut_and_carried() -> None:
    of = noisy(multiplier=0.001, clip=2.0)
    values = np.zeros(67, np.float32)
    values[3] = 1.0
    codes, left = of.codes(unflatten(values, of.shapes), 1.0)
    assert codes.max() == 767
    assert flatten(left, of.shapes)[3] == pytest.approx(1.0 - 767 * of.steps[0])


@settings(max_examples=60)
@given(st.floats(1e-3, 300), st.floats(1e-3, 0.3), st.floats(1e-3, 1e3), st.floats(0, 1), st.integers(0, 99))
def test_with_noise_the_norm_of_codes_is_bounded(
    multiplier: float, clip: float, scale: float, factor: float, seed: int
) -> None:
    codes, _ = noisy(multiplier, clip).codes(delta(scale, seed), factor)
    assert int(codes @ codes) <= math.floor(256 / multiplier) ** 2


def test_with_noise_an_update_at_the_norm_keeps_nearly_all_of_its_length() -> None:
    codes, _ = noisy(multiplier=1.0).codes(delta(100.0), 1.0)
    assert 0.97 * 256 < math.sqrt(int(codes @ codes)) <= 256


def test_with_noise_measurements_do_not_travel() -> None:
    codes, _ = noisy().encode(delta(0.1), 1.0, Extras(0.5, 0.5))
    assert numbers(codes)[-4:] == [0, 0, 0, 0]


@pytest.mark.parametrize("multiplier", [0.334, 1.0, 30.0])
def test_with_noise_a_full_cohort_of_one_mind_does_not_overflow(multiplier: float) -> None:
    of = noisy(multiplier, clip=2.0)
    values = np.zeros(67, np.float32)
    values[3] = 100.0
    codes, _ = of.encode(unflatten(values, of.shapes), 1.0, NOTHING)
    noise = np.zeros(of.length, np.uint16)
    noise[3] = 20 * 256

    mean = of.decode(added([*[codes] * 32, noise]), 32).delta

    assert mean[3] == pytest.approx(2.0 + 20 * 256 * of.steps[0] / 32, abs=of.steps[0])
