"""Steps of the server's optimisers, with figures worked out by hand."""

import numpy as np
import pytest

from mfpt_coord.core.optimiser import Moments, apply, moment_count
from mfpt_shared.plan import Aggregation
from mfpt_shared.tensors import Array

SGD = Aggregation(learning_rate=0.5)
MOMENTUM = Aggregation(optimiser="momentum", learning_rate=0.5, momentum=0.75)
ADAM = Aggregation(optimiser="adam", learning_rate=0.5, momentum=0.75, second_moment=0.96, adaptivity=0.2)
PLANS = pytest.mark.parametrize("plan", [SGD, MOMENTUM, ADAM], ids=["sgd", "momentum", "adam"])


def rows(*values: list[float]) -> Array:
    return np.array(values, np.float32)


def start(prompts: Array, plan: Aggregation) -> Moments:
    return np.zeros((len(prompts), moment_count(plan), prompts.shape[1]), np.float32)


def test_sgd_goes_a_share_of_the_step() -> None:
    prompts = rows([1, 2], [3, 4])
    moved, moments = apply(prompts, rows([2, -4], [0, 1]), start(prompts, SGD), SGD)
    assert moved == pytest.approx(rows([2, 0], [3, 4.5]))
    assert moments.shape == (2, 0, 2)


def test_sgd_at_a_rate_of_one_goes_the_whole_step() -> None:
    plan = Aggregation(learning_rate=1.0)
    prompts = rows([1, 2])
    assert apply(prompts, rows([2, -4]), start(prompts, plan), plan)[0] == pytest.approx(rows([3, -2]))


def test_momentum_goes_on_in_the_direction_of_earlier_steps() -> None:
    prompts = rows([1, 0])
    first, moments = apply(prompts, rows([4, 8]), start(prompts, MOMENTUM), MOMENTUM)
    assert first == pytest.approx(rows([3, 4]))
    second, moments = apply(first, rows([1, -8]), moments, MOMENTUM)
    # 0.75 * (4, 8) + (1, -8)
    assert moments[:, 0] == pytest.approx(rows([4, -2]))
    assert second == pytest.approx(rows([5, 3]))


def test_adam_scales_each_value_by_what_its_steps_have_been() -> None:
    prompts = rows([1, 1, 1])
    first, moments = apply(prompts, rows([4, -1, 0]), start(prompts, ADAM), ADAM)
    # m = 0.25 step; v = 0.04 step²: sqrt(v) = 0.2 |step|.
    assert moments[0] == pytest.approx(rows([1, -0.25, 0], [0.64, 0.04, 0]))
    assert first == pytest.approx(rows([1 + 0.5 * 1 / 1.0, 1 - 0.5 * 0.25 / 0.4, 1]))
    second, moments = apply(first, rows([0, 1, 0]), moments, ADAM)
    assert moments[0] == pytest.approx(rows([0.75, 0.0625, 0], [0.6144, 0.0784, 0]))
    expected = [1.5 + 0.5 * 0.75 / (0.6144**0.5 + 0.2), 0.6875 + 0.5 * 0.0625 / (0.28 + 0.2), 1]
    assert second == pytest.approx(rows(expected))


@PLANS
def test_languages_have_their_own_moments(plan: Aggregation) -> None:
    prompts, steps = rows([1, 2], [3, 4]), rows([2, -4], [0.5, 1])
    together, moments = apply(prompts, steps, start(prompts, plan), plan)
    together, moments = apply(together, steps, moments, plan)
    for language in (slice(0, 1), slice(1, 2)):
        alone, own = apply(prompts[language], steps[language], start(prompts[language], plan), plan)
        alone, own = apply(alone, steps[language], own, plan)
        assert together[language] == pytest.approx(alone)
        assert moments[language] == pytest.approx(own)


@PLANS
def test_a_step_writes_to_nothing_that_it_was_given(plan: Aggregation) -> None:
    prompts, steps = rows([1, 2], [3, 4]), rows([2, -4], [0.5, 1])
    moments = start(prompts, plan) + np.float32(0.5)
    before = prompts.copy(), steps.copy(), moments.copy()
    moved, _ = apply(prompts, steps, moments, plan)
    for given, copy in zip((prompts, steps, moments), before, strict=True):
        assert np.array_equal(given, copy)
        assert not np.shares_memory(moved, given)


@PLANS
def test_prompts_and_moments_stay_in_single_precision(plan: Aggregation) -> None:
    prompts = rows([1, 2])
    moved, moments = apply(prompts, rows([2, -4]), start(prompts, plan), plan)
    assert moved.dtype == moments.dtype == np.float32


@PLANS
def test_a_prompt_that_nothing_ever_moved_stays_exactly(plan: Aggregation) -> None:
    prompts = rows([0.1, -3e-5])
    moved, _ = apply(prompts, np.zeros_like(prompts), start(prompts, plan), plan)
    assert np.array_equal(moved, prompts)
