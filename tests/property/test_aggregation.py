"""Properties of the fold: what updates do to prompts, whatever the languages, examples and distances."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mfpt_coord.core.aggregate import example_weight, fold, fold_weights, mixture
from mfpt_coord.core.proximity import Distances, pair, proximity
from mfpt_coord.core.state import Contribution
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.messages import UpdateHeader
from mfpt_shared.plan import Aggregation
from mfpt_shared.tensors import Array

TAGS = tuple(LanguageCode(tag) for tag in ("swh", "zul", "xho", "eng", "tam"))
VALUES = 4

PLANS = st.builds(
    Aggregation,
    proximity=st.sampled_from(["fixed", "fixed", "uniform"]),
    temperature=st.floats(1e-3, 1e3),
    staleness_exponent=st.floats(0, 4),
    example_exponent=st.floats(0, 1),
    learning_rate=st.floats(0.01, 10),
)
# Languages of the devices, one each, and their examples.
DEVICES = st.lists(st.tuples(st.sampled_from(TAGS), st.integers(0, 10**6)), min_size=1, max_size=6)
SHARES = st.floats(0, 1)
DISTANCES = st.fixed_dictionaries(
    {},
    optional={
        pair(first, second): st.fixed_dictionaries(
            {}, optional={"genetic": SHARES, "syntactic": SHARES, "script": SHARES}
        )
        for first, second in itertools.combinations(TAGS, 2)
    },
)


def contribution(language: LanguageCode, examples: int, staleness: int = 0, delta: Array | None = None) -> Contribution:
    header = UpdateHeader(sequence=1, language=language, base_version=0, examples=examples, plan="", backbone="")
    return Contribution("c", header, language, staleness, np.ones(VALUES, np.float32) if delta is None else delta, 0.0)


def active(devices: list[tuple[LanguageCode, int]], plan: Aggregation) -> dict[LanguageCode, float]:
    """Language -> sum of n^p, as the coordinator has registered its devices."""
    weights: dict[LanguageCode, float] = {}
    for language, examples in devices:
        weights[language] = weights.get(language, 0.0) + example_weight(examples, plan)
    return weights


def targets(devices: list[tuple[LanguageCode, int]]) -> list[LanguageCode]:
    return [UNDETERMINED, *dict.fromkeys(language for language, _ in devices)]


@given(DEVICES, DISTANCES, PLANS, st.lists(st.floats(-10, 10, width=32), min_size=VALUES, max_size=VALUES))
def test_equal_fresh_deltas_from_all_move_every_prompt_by_exactly_that_delta(
    devices: list[tuple[LanguageCode, int]], distances: Distances, plan: Aggregation, values: list[float]
) -> None:
    delta = np.array(values, np.float32)
    buffer = [contribution(language, examples, delta=delta) for language, examples in devices]
    weights = fold_weights(targets(devices), buffer, active(devices, plan), distances, plan)
    before = np.zeros((len(weights), VALUES), np.float32)
    moved = fold(before, weights, np.stack([update.delta for update in buffer]))
    expected = np.tile(plan.learning_rate * delta, (len(weights), 1))
    # Opposite rounding errors of single terms are the size of the largest term.
    assert moved == pytest.approx(expected, rel=1e-4, abs=1e-4 * float(np.abs(expected).max()))


@given(DEVICES, DISTANCES, PLANS, st.data())
def test_the_order_in_a_buffer_does_not_matter(
    devices: list[tuple[LanguageCode, int]], distances: Distances, plan: Aggregation, data: st.DataObject
) -> None:
    buffer = [
        contribution(language, examples, staleness=place, delta=np.full(VALUES, place - 1.5, np.float32))
        for place, (language, examples) in enumerate(devices)
    ]
    shuffled = data.draw(st.permutations(buffer))
    names, shares = targets(devices), active(devices, plan)

    def moved(updates: list[Contribution]) -> np.ndarray:
        weights = fold_weights(names, updates, shares, distances, plan)
        deltas = np.stack([update.delta for update in updates])
        return fold(np.zeros((len(names), VALUES), np.float32), weights, deltas)

    first = moved(buffer)
    assert moved(list(shuffled)) == pytest.approx(first, rel=1e-3, abs=1e-5)


@given(
    DEVICES,
    st.lists(st.tuples(st.sampled_from(TAGS), st.integers(0, 10**12), st.integers(0, 10**6)), min_size=1, max_size=5),
    DISTANCES,
    PLANS,
)
def test_weights_are_finite_and_positive(
    devices: list[tuple[LanguageCode, int]],
    sent: list[tuple[LanguageCode, int, int]],
    distances: Distances,
    plan: Aggregation,
) -> None:
    buffer = [contribution(language, examples, staleness) for language, examples, staleness in sent]
    shares = active(devices + [(language, examples) for language, examples, _ in sent], plan)
    weights = fold_weights([UNDETERMINED, *TAGS], buffer, shares, distances, plan)
    assert weights.shape == (len(TAGS) + 1, len(buffer))
    assert np.isfinite(weights).all()
    assert (weights > 0).all()


@pytest.mark.parametrize("distances", [{}, {pair(TAGS[0], TAGS[1]): {}}], ids=["no pair", "no metric"])
def test_weights_of_unknown_distances_are_finite_and_positive(distances: Distances) -> None:
    plan = Aggregation(temperature=1e-9)
    buffer = [contribution(TAGS[0], 10), contribution(TAGS[1], 20)]
    weights = fold_weights([UNDETERMINED, *TAGS], buffer, {TAGS[0]: 10.0, TAGS[1]: 20.0}, distances, plan)
    assert np.isfinite(weights).all()
    assert (weights > 0).all()


@given(st.integers(0, 10**12), st.floats(1e-3, 1e3))
def test_a_single_device_moves_its_prompt_by_its_delta(examples: int, temperature: float) -> None:
    plan = Aggregation(temperature=temperature)
    weights = fold_weights(
        [UNDETERMINED, TAGS[0]], [contribution(TAGS[0], examples)], {TAGS[0]: float(max(examples, 1))}, {}, plan
    )
    assert weights == pytest.approx(np.ones((2, 1)))


@given(DEVICES, DISTANCES, PLANS, st.integers(0, 20), st.integers(1, 20), st.data())
def test_a_staler_update_moves_prompts_less(
    devices: list[tuple[LanguageCode, int]],
    distances: Distances,
    plan: Aggregation,
    staleness: int,
    later: int,
    data: st.DataObject,
) -> None:
    assume(plan.staleness_exponent > 0.01)
    buffer = [contribution(language, examples) for language, examples in devices]
    late = data.draw(st.integers(0, len(buffer) - 1))

    def weights(versions: int) -> np.ndarray:
        changed = [*buffer]
        changed[late] = replace(changed[late], staleness=versions)
        return fold_weights(targets(devices), changed, active(devices, plan), distances, plan)

    fresh, stale = weights(staleness), weights(staleness + later)
    assert (stale[:, late] < fresh[:, late]).all()
    others = [place for place in range(len(buffer)) if place != late]
    # It is not normalised away: nobody else gains by it.
    assert stale[:, others] == pytest.approx(fresh[:, others])


@given(SHARES, SHARES, st.floats(0.05, 10), st.integers(1, 10**6), st.integers(1, 10**6), st.integers(1, 10**6))
def test_a_buffer_of_distant_languages_moves_a_prompt_less_than_one_of_near_ones(
    near: float, far: float, temperature: float, own: int, near_examples: int, far_examples: int
) -> None:
    assume(far - near > 0.01)
    target, neighbour, stranger = TAGS[:3]
    distances = {pair(target, neighbour): {"genetic": near}, pair(target, stranger): {"genetic": far}}
    shares = {target: float(own), neighbour: float(near_examples), stranger: float(far_examples)}
    plan = Aggregation(temperature=temperature)

    def step(language: LanguageCode, examples: int) -> float:
        buffer = [contribution(language, examples)] * 2
        return float(fold_weights([target], buffer, shares, distances, plan).sum())

    assert step(stranger, far_examples) < step(neighbour, near_examples) <= step(target, own)


@given(DEVICES, DISTANCES, PLANS)
def test_the_prompt_for_unseen_languages_treats_all_alike(
    devices: list[tuple[LanguageCode, int]], distances: Distances, plan: Aggregation
) -> None:
    buffer = [contribution(language, 50) for language, _ in devices]
    weights = fold_weights([UNDETERMINED], buffer, active(devices, plan), distances, plan)
    assert weights == pytest.approx(np.full((1, len(buffer)), plan.learning_rate / len(buffer)))


@given(st.sampled_from(TAGS), st.sampled_from(TAGS), DISTANCES, PLANS)
def test_proximity_is_symmetric_and_one_for_a_language_itself(
    first: LanguageCode, second: LanguageCode, distances: Distances, plan: Aggregation
) -> None:
    assert proximity(first, second, distances, plan) == proximity(second, first, distances, plan)
    assert proximity(first, first, distances, plan) == 1.0
    assert 0 < proximity(first, second, distances, plan) <= 1


def test_only_the_plans_metrics_count_and_only_those_that_are_known() -> None:
    distances = {pair(TAGS[0], TAGS[1]): {"genetic": 0.2, "syntactic": 0.4, "script": 1.0}}
    plan = Aggregation(temperature=1.0, metrics=("genetic", "syntactic", "featural"))
    assert proximity(TAGS[0], TAGS[1], distances, plan) == pytest.approx(np.exp(-0.3))


PROMPTS = st.dictionaries(
    st.sampled_from([UNDETERMINED, *TAGS[1:]]),
    st.lists(st.floats(-100, 100, width=32), min_size=VALUES, max_size=VALUES).map(
        lambda values: np.array(values, np.float32)
    ),
    min_size=1,
)


@settings(max_examples=200)
@given(PROMPTS, DISTANCES, PLANS, st.data())
def test_a_late_joiners_prompt_lies_between_those_that_have_contributed(
    prompts: dict[LanguageCode, Array], distances: Distances, plan: Aggregation, data: st.DataObject
) -> None:
    contributed = {language: data.draw(st.integers(0, 100)) for language in prompts if language != UNDETERMINED}
    sources = [prompts[language] for language, examples in contributed.items() if examples > 0]
    assume(sources)
    mixed = mixture(TAGS[0], prompts, contributed, distances, plan)
    assert mixed.dtype == np.float32
    assert (mixed >= np.min(sources, axis=0) - 1e-4).all()
    assert (mixed <= np.max(sources, axis=0) + 1e-4).all()


def test_a_late_joiner_listens_more_to_near_languages() -> None:
    distances = {pair(TAGS[0], TAGS[1]): {"genetic": 0.1}, pair(TAGS[0], TAGS[2]): {"genetic": 0.9}}
    prompts = {TAGS[1]: np.zeros(VALUES, np.float32), TAGS[2]: np.ones(VALUES, np.float32)}
    plan = Aggregation(temperature=0.4)
    mixed = mixture(TAGS[0], prompts, {TAGS[1]: 5, TAGS[2]: 5}, distances, plan)
    near, far = np.exp(-0.1 / 0.4), np.exp(-0.9 / 0.4)
    assert mixed == pytest.approx(np.full(VALUES, far / (near + far)))


def test_before_anybody_has_contributed_all_start_alike() -> None:
    first = np.arange(VALUES, dtype=np.float32)
    assert np.array_equal(mixture(TAGS[0], {UNDETERMINED: first}, {}, {}, Aggregation()), first)


@given(DEVICES, DISTANCES, PLANS, st.integers(1, 8))
def test_no_prompt_moves_further_than_its_updates(
    devices: list[tuple[LanguageCode, int]], distances: Distances, plan: Aggregation, reported: int
) -> None:
    """Also where only a part of the devices reported, all of them near."""
    buffer = [contribution(language, examples) for language, examples in devices[:reported]]
    weights = fold_weights(targets(devices), buffer, active(devices, plan), distances, plan)
    assert (weights.sum(axis=1) <= plan.learning_rate * (1 + 1e-9)).all()


def test_a_device_that_claims_a_trillion_examples_counts_as_the_most_that_the_plan_allows() -> None:
    plan = Aggregation(max_examples=500)
    assert example_weight(10**12, plan) == example_weight(500, plan) == 500
