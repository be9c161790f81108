"""What leaves a device under a plan with noise: bounded before the noise, and noisy enough."""

import random

import msgspec
import numpy as np
import pytest

from mfpt_shared.masking.grid import STEPS_OF_NOISE, Extras, Grid, grid
from mfpt_shared.masking.release import noisy_alone, noisy_part
from mfpt_shared.plan import BackboneSpec, Plan, Privacy, PromptSpec, Task
from mfpt_shared.tensors import PromptState, difference, flatten, initial_state, layout

PLAN = Plan(
    task=Task(labels=("a", "b")),
    backbone=BackboneSpec(width=100, layers=2),
    prompt=PromptSpec(tokens=4),
    privacy=Privacy(aggregation="masked", clip_norm=2.0, noise="distributed", noise_multiplier=4.0),
)
GRID = grid(PLAN)


def constant(value: float) -> PromptState:
    return {name: np.full_like(array, value) for name, array in initial_state(PLAN).items()}


def flat(state: PromptState) -> np.ndarray:
    return flatten(state, layout(PLAN)).astype(np.float64)


def signed(codes: np.ndarray) -> np.ndarray:
    return codes.view(np.int16).astype(int)


def test_an_update_that_leaves_alone_has_all_the_noise_of_the_plan() -> None:
    sent, _ = noisy_alone(constant(0.0), GRID, random.Random(1).randbytes)

    wanted = PLAN.privacy.clip_norm * PLAN.privacy.noise_multiplier
    assert flat(sent).std() == pytest.approx(wanted, rel=0.15)


def test_little_noise_is_as_little_as_the_plan_asks_for() -> None:
    privacy = msgspec.structs.replace(PLAN.privacy, noise_multiplier=0.01)
    coarse = grid(msgspec.structs.replace(PLAN, privacy=privacy))

    sent, _ = noisy_alone(constant(0.0), coarse, random.Random(1).randbytes)

    assert flat(sent).std() == pytest.approx(PLAN.privacy.clip_norm * 0.01, rel=0.15)


def test_what_an_update_says_is_no_longer_than_the_plan_allows_whatever_was_trained() -> None:
    for size in (0.001, 0.1, 1000.0):
        sent, _ = noisy_alone(constant(size), GRID, random.Random(1).randbytes)
        noise, _ = noisy_alone(constant(0.0), GRID, random.Random(1).randbytes)

        assert np.linalg.norm(flat(difference(sent, noise))) <= PLAN.privacy.clip_norm * (1 + 1e-4)


def test_the_noise_is_not_carried_into_the_next_update() -> None:
    _, left = noisy_alone(constant(0.001), GRID, random.Random(1).randbytes)
    _, same = noisy_alone(constant(0.001), GRID, random.Random(2).randbytes)

    assert flat(left).tolist() == flat(same).tolist()
    assert 0 < np.abs(flat(left)).max() <= GRID.steps[0]


def test_the_parts_of_the_smallest_sum_have_together_the_noise_of_the_plan() -> None:
    codes, _ = GRID.encode(constant(0.0), 1.0, Extras())
    dice = random.Random(1).randbytes

    total = sum((noisy_part(codes, GRID, 5, dice) for _ in range(5)), start=np.zeros_like(codes))

    values = signed(total)[: -Grid.extras]
    assert values.std() == pytest.approx(STEPS_OF_NOISE, rel=0.15)


def test_a_part_keeps_what_it_says_and_gets_no_noise_behind_its_values() -> None:
    codes, _ = GRID.encode(constant(0.1), 1.0, Extras(own_share=0.5))

    first, second = (noisy_part(codes, GRID, 3, random.Random(seed).randbytes) for seed in (1, 2))

    assert first[-Grid.extras :].tolist() == [0] * Grid.extras
    assert (first != second).any()
    noise = noisy_part(np.zeros_like(codes), GRID, 3, random.Random(1).randbytes)
    assert (first - noise).tolist() == codes.tolist()
