"""How far updates are believed, with attackers among them."""

import numpy as np
import pytest

from mfpt_coord.core.agreement import agreement
from mfpt_coord.core.bounds import bounded
from mfpt_coord.core.combine import combine
from mfpt_coord.core.consensus import undisputed
from mfpt_shared.plan import Aggregation, Privacy
from mfpt_shared.tensors import Array

VALUES = 2000
RNG = np.random.default_rng(0)
COMMON = RNG.standard_normal(VALUES).astype(np.float32)


def honest(number: int, noise: float = 1.0) -> Array:
    return (COMMON + noise * RNG.standard_normal((number, VALUES))).astype(np.float32)


def test_updates_that_are_turned_round_do_not_count() -> None:
    found = agreement(np.concatenate([honest(20), -honest(10)]))
    assert found[20:].max() == 0
    assert found[:20].min() > 0.8


def test_a_third_that_deviates_alike_counts_as_about_one() -> None:
    good = honest(20)
    little = np.tile(good.mean(axis=0) - 0.5 * good.std(axis=0), (10, 1)).astype(np.float32)
    found = agreement(np.concatenate([good, little]))
    assert found[20:].sum() < 1.5
    assert found[:20].min() > 0.8


def test_a_fold_of_honest_updates_counts_them_nearly_alike() -> None:
    found = agreement(honest(15))
    assert found.min() > 0.9 * found.max()


def test_four_updates_are_all_believed() -> None:
    assert agreement(np.concatenate([honest(3), -honest(1)])) == pytest.approx(np.ones(4))


def test_a_head_that_takes_the_whole_length_is_cut_to_the_length_of_a_head() -> None:
    parts = (slice(0, VALUES - 10), slice(VALUES - 10, VALUES))
    deltas = honest(9, noise=0.1)
    deltas[:, parts[1]] *= 0.01
    deltas[0] = 0
    deltas[0, parts[1]] = 40
    weights = np.full((1, 9), 1 / 9)
    found = combine(weights, deltas, Aggregation(), parts)
    assert np.abs(found[0, parts[1]]).max() < 0.1


@pytest.mark.parametrize(
    ("values", "agreed"),
    [([8.0, 0.5, 0.0], 0.5), ([8.0, 0.0], 0.0), ([8.0, 1.0], 1.0), ([-8.0, -1.0], -1.0), ([-8.0, 8.0], 0.0)],
)
def test_one_liar_of_two_or_three_moves_nothing_beyond_what_an_honest_device_says(
    values: list[float], agreed: float
) -> None:
    assert undisputed(values) == agreed


def test_a_delta_longer_than_the_plan_allows_is_scaled_down() -> None:
    assert bounded(np.array([30, 40], np.float32), Privacy(clip_norm=5)) == pytest.approx(np.array([3, 4]))
    assert bounded(np.array([30, 40], np.float32), Privacy()) == pytest.approx(np.array([30, 40]))


def test_a_delta_with_noise_moves_a_prompt_no_further_than_one_without_and_keeps_its_direction() -> None:
    values, noise = 10_000, Privacy(clip_norm=1, noise="local", noise_multiplier=2)
    noisy = np.random.default_rng(0).normal(0, 2, values).astype(np.float32)
    moved = bounded(noisy, noise)
    assert np.linalg.norm(moved) == pytest.approx(1)
    assert float(moved @ noisy) == pytest.approx(float(np.linalg.norm(noisy)))
