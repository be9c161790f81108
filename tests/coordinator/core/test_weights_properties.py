"""Properties of the fold: what updates do to prompts, whatever the languages, examples and distances."""

import itertools
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mfpt_coord.core.combine import combine
from mfpt_coord.core.optimiser import apply
from mfpt_coord.core.proximity import proximities
from mfpt_coord.core.relations import Distances, Relations, pair
from mfpt_coord.core.shares import Active
from mfpt_coord.core.state import Contribution
from mfpt_coord.core.weights import example_weight, fold_weights
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.plan import Aggregation
from mfpt_shared.protocol.messages import UpdateHeader
from mfpt_shared.tensors import Array

TAGS = tuple(LanguageCode(tag) for tag in ("swh", "zul", "xho", "eng", "tam"))
VALUES = 4


def plans(*proximity: str) -> st.SearchStrategy[Aggregation]:
    return st.builds(
        Aggregation,
        proximity=st.sampled_from(proximity),
        temperature=st.floats(1e-3, 1e3),
        staleness_exponent=st.floats(0, 4),
        example_exponent=st.floats(0, 1),
        cover_exponent=st.floats(0, 1),
        learning_rate=st.floats(0.01, 10),
    )


# `auto` may leave a language out altogether; the other kinds listen to every language.
PLANS = plans("auto", "fixed", "fixed", "observed", "uniform")
LISTENING_PLANS = plans("fixed", "fixed", "observed", "uniform")
# Language and examples of each device.
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


def active(devices: list[tuple[LanguageCode, int]]) -> dict[LanguageCode, Active]:
    """Language -> examples of its devices, as the coordinator has registered them."""
    examples: dict[LanguageCode, list[int]] = {}
    for language, count in devices:
        examples.setdefault(language, []).append(count)
    return {language: Active.of(counts) for language, counts in examples.items()}


def moved(weights: np.ndarray, buffer: list[Contribution], plan: Aggregation) -> Array:
    """Return where prompts of zeros are after a fold."""
    before = np.zeros((len(weights), VALUES), np.float32)
    moments = np.zeros((len(weights), 0, VALUES), np.float32)
    deltas = np.stack([update.delta for update in buffer])
    return apply(before, combine(weights, deltas, plan), moments, plan)[0]


def targets(devices: list[tuple[LanguageCode, int]]) -> list[LanguageCode]:
    return [UNDETERMINED, *dict.fromkeys(language for language, _ in devices)]


@given(DEVICES, DISTANCES, PLANS, st.lists(st.floats(-10, 10, width=32), min_size=VALUES, max_size=VALUES))
def test_equal_fresh_deltas_from_all_move_every_prompt_by_exactly_that_delta(
    devices: list[tuple[LanguageCode, int]], distances: Distances, plan: Aggregation, values: list[float]
) -> None:
    delta = np.array(values, np.float32)
    buffer = [contribution(language, examples, delta=delta) for language, examples in devices]
    weights = fold_weights(targets(devices), buffer, active(devices), Relations(distances), plan)
    expected = np.tile(plan.learning_rate * delta, (len(weights), 1))
    # Opposite rounding errors of single terms are the size of the largest term.
    assert moved(weights, buffer, plan) == pytest.approx(expected, rel=1e-4, abs=1e-4 * float(np.abs(expected).max()))


@given(DEVICES, DISTANCES, PLANS, st.data())
def test_the_order_in_a_buffer_does_not_matter(
    devices: list[tuple[LanguageCode, int]], distances: Distances, plan: Aggregation, data: st.DataObject
) -> None:
    buffer = [
        contribution(language, examples, staleness=place, delta=np.full(VALUES, place - 1.5, np.float32))
        for place, (language, examples) in enumerate(devices)
    ]
    shuffled = data.draw(st.permutations(buffer))
    names, shares = targets(devices), active(devices)

    def folded(updates: list[Contribution]) -> Array:
        return moved(fold_weights(names, updates, shares, Relations(distances), plan), updates, plan)

    first = folded(buffer)
    assert folded(list(shuffled)) == pytest.approx(first, rel=1e-3, abs=1e-5)


@given(
    DEVICES,
    st.lists(st.tuples(st.sampled_from(TAGS), st.integers(0, 10**12), st.integers(0, 10**6)), min_size=1, max_size=5),
    DISTANCES,
    LISTENING_PLANS,
)
def test_weights_are_finite_and_positive(
    devices: list[tuple[LanguageCode, int]],
    sent: list[tuple[LanguageCode, int, int]],
    distances: Distances,
    plan: Aggregation,
) -> None:
    buffer = [contribution(language, examples, staleness) for language, examples, staleness in sent]
    shares = active(devices + [(language, examples) for language, examples, _ in sent])
    weights = fold_weights([UNDETERMINED, *TAGS], buffer, shares, Relations(distances), plan)
    assert weights.shape == (len(TAGS) + 1, len(buffer))
    assert np.isfinite(weights).all()
    assert (weights > 0).all()


@pytest.mark.parametrize("distances", [{}, {pair(TAGS[0], TAGS[1]): {}}], ids=["no pair", "no metric"])
def test_weights_of_unknown_distances_are_finite_and_positive(distances: Distances) -> None:
    plan = Aggregation(proximity="fixed", temperature=1e-9)
    buffer = [contribution(TAGS[0], 10), contribution(TAGS[1], 20)]
    weights = fold_weights(
        [UNDETERMINED, *TAGS], buffer, active([(TAGS[0], 10), (TAGS[1], 20)]), Relations(distances), plan
    )
    assert np.isfinite(weights).all()
    assert (weights > 0).all()


@given(st.integers(0, 10**12), PLANS)
def test_a_single_device_moves_its_prompt_by_its_delta(examples: int, plan: Aggregation) -> None:
    shares = active([(TAGS[0], examples)])
    weights = fold_weights([UNDETERMINED, TAGS[0]], [contribution(TAGS[0], examples)], shares, Relations(), plan)
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
        return fold_weights(targets(devices), changed, active(devices), Relations(distances), plan)

    fresh, stale = weights(staleness), weights(staleness + later)
    heard = fresh[:, late] > 0
    assert (stale[heard, late] < fresh[heard, late]).all()
    assert (stale[~heard, late] == 0).all()
    assert heard[targets(devices).index(buffer[late].language)]
    others = [place for place in range(len(buffer)) if place != late]
    # It is not normalised away: no other update gains weight.
    assert stale[:, others] == pytest.approx(fresh[:, others])


@given(SHARES, SHARES, st.floats(0.05, 10), st.integers(1, 10**6), st.integers(1, 10**6), st.integers(1, 10**6))
def test_a_buffer_of_distant_languages_moves_a_prompt_less_than_one_of_near_ones(
    near: float, far: float, temperature: float, own: int, near_examples: int, far_examples: int
) -> None:
    assume(far - near > 0.01)
    target, neighbour, stranger = TAGS[:3]
    distances = {pair(target, neighbour): {"genetic": near}, pair(target, stranger): {"genetic": far}}
    shares = active([(target, own), (neighbour, near_examples), (stranger, far_examples)])

    def step(language: LanguageCode, examples: int, plan: Aggregation) -> float:
        buffer = [contribution(language, examples)] * 2
        return float(fold_weights([target], buffer, shares, Relations(distances), plan).sum())

    # Otherwise equal steps, whatever share of all examples they represent.
    fixed = Aggregation(proximity="fixed", temperature=temperature, cover_exponent=0)
    assert step(stranger, far_examples, fixed) < step(neighbour, near_examples, fixed) <= step(target, own, fixed)
    auto = Aggregation(proximity="auto", cover_exponent=0)
    assert step(stranger, far_examples, auto) <= step(neighbour, near_examples, auto) <= step(target, own, auto)
    assert step(stranger, far_examples, auto) < step(target, own, auto)


@given(DEVICES, DISTANCES, PLANS)
def test_the_prompt_for_unseen_languages_treats_all_alike(
    devices: list[tuple[LanguageCode, int]], distances: Distances, plan: Aggregation
) -> None:
    alike = [(language, 50) for language, _ in devices]
    buffer = [contribution(*device) for device in alike]
    weights = fold_weights([UNDETERMINED], buffer, active(alike), Relations(distances), plan)
    assert weights == pytest.approx(np.full((1, len(buffer)), 1 / len(buffer)))


@given(st.sampled_from(TAGS), st.sampled_from(TAGS), DISTANCES, LISTENING_PLANS)
def test_proximity_is_symmetric_and_one_for_a_language_itself(
    first: LanguageCode, second: LanguageCode, distances: Distances, plan: Aggregation
) -> None:
    near = proximities([first, second], [first, second], Relations(distances), {first: 1, second: 1}, plan)
    assert near[0, 1] == near[1, 0]
    assert near[0, 0] == near[1, 1] == 1.0
    assert 0 < near[0, 1] <= 1


def test_only_the_plans_metrics_count_and_only_those_that_are_known() -> None:
    distances = {pair(TAGS[0], TAGS[1]): {"genetic": 0.2, "syntactic": 0.4, "script": 1.0}}
    plan = Aggregation(proximity="fixed", temperature=1.0, metrics=("genetic", "syntactic", "featural"))
    near = proximities([TAGS[0]], [TAGS[1]], Relations(distances), {}, plan)
    assert near == pytest.approx(np.array([[np.exp(-0.3)]]))


@given(DEVICES, DISTANCES, PLANS, st.integers(1, 8))
def test_no_prompt_moves_further_than_its_updates(
    devices: list[tuple[LanguageCode, int]], distances: Distances, plan: Aggregation, reported: int
) -> None:
    """Even if only some of the devices contributed, all of them near."""
    buffer = [contribution(language, examples) for language, examples in devices[:reported]]
    weights = fold_weights(targets(devices), buffer, active(devices), Relations(distances), plan)
    assert (weights.sum(axis=1) <= 1 + 1e-9).all()


@given(DEVICES, PLANS, st.integers(1, 6))
def test_with_a_cover_exponent_of_1_updates_count_as_in_one_fold_of_all_devices(
    devices: list[tuple[LanguageCode, int]], plan: Aggregation, reported: int
) -> None:
    plan = msgspec.structs.replace(plan, proximity="uniform", cover_exponent=1.0)
    buffer = [contribution(language, examples) for language, examples in devices]
    everybody = fold_weights(targets(devices), buffer, active(devices), Relations(), plan)
    some = fold_weights(targets(devices), buffer[:reported], active(devices), Relations(), plan)
    assert some == pytest.approx(everybody[:, :reported])


@given(DEVICES, DISTANCES, PLANS, st.integers(1, 6))
def test_the_fewer_report_the_smaller_is_the_step(
    devices: list[tuple[LanguageCode, int]], distances: Distances, plan: Aggregation, reported: int
) -> None:
    buffer = [contribution(language, examples) for language, examples in devices[:reported]]

    def weights(cover_exponent: float) -> np.ndarray:
        how = msgspec.structs.replace(plan, cover_exponent=cover_exponent)
        return fold_weights(targets(devices), buffer, active(devices), Relations(distances), how)

    everybody_holds = sum(example_weight(count, plan) for _, count in devices)
    heard = sum(example_weight(examples, plan) for _, examples in devices[:reported]) / everybody_holds
    assert weights(plan.cover_exponent) == pytest.approx(weights(0.0) * heard**plan.cover_exponent)


def test_a_device_that_claims_a_trillion_examples_counts_as_the_most_that_the_plan_allows() -> None:
    plan = Aggregation(max_examples=500)
    assert example_weight(10**12, plan) == example_weight(500, plan) == 500
