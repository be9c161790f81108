"""Properties of proximity, the weights that follow from it, and the evidence that corrects it."""

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mfpt_coord.core.combine import combine
from mfpt_coord.core.evidence import added, compare, judge
from mfpt_coord.core.optimiser import apply
from mfpt_coord.core.proximity import disagreement, distance, proximities
from mfpt_coord.core.relations import Comparison, Distances, Judgement, Relations, pair
from mfpt_coord.core.state import Contribution
from mfpt_coord.core.weights import fold_weights
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.plan import Aggregation
from mfpt_shared.protocol.messages import Metrics, UpdateHeader
from mfpt_shared.tensors import Array

TAGS = tuple(LanguageCode(tag) for tag in ("swh", "zul", "xho", "eng", "tam"))
TARGETS = (UNDETERMINED, *TAGS)
PAIRS = [pair(first, second) for first, second in itertools.combinations(TAGS, 2)]
VALUES = 4
MOST_DISAGREEMENT = 8.0

PROXIMITIES = ("auto", "fixed", "observed", "uniform")
KINDS = pytest.mark.parametrize("kind", PROXIMITIES)
SHARES = st.floats(0, 1)
POSITIVE = st.floats(1e-9, 1e9)
DISTANCES = st.fixed_dictionaries(
    {},
    optional={
        two: st.fixed_dictionaries({}, optional={"genetic": SHARES, "syntactic": SHARES, "custom": SHARES})
        for two in PAIRS
    },
)
COSINES = st.floats(-1, 1) | st.sampled_from([1.0, 1 - 1e-7])
COMPARISONS = st.dictionaries(st.sampled_from(PAIRS), st.builds(Comparison, COSINES, st.integers(1, 1000)))
JUDGEMENTS = st.dictionaries(
    st.sampled_from(TAGS), st.builds(Judgement, st.floats(-1e4, 1e4) | st.floats(-20, 20), st.integers(1, 10**4))
)
RELATIONS = st.builds(Relations, DISTANCES, COMPARISONS, JUDGEMENTS)
EXAMPLES = st.dictionaries(st.sampled_from(TAGS), st.floats(1, 1e6), min_size=1)
BIASES = POSITIVE | st.floats(0, 1)
# What rounding makes of proximities where biases are large and examples many.
CLOSE = 1e-5


def plans(kind: str, bias: st.SearchStrategy[float] = BIASES) -> st.SearchStrategy[Aggregation]:
    return st.builds(
        Aggregation,
        proximity=st.just(kind),
        temperature=POSITIVE,
        distance_bias=bias,
        staleness_exponent=st.floats(0, 4),
        example_exponent=SHARES,
        cover_exponent=SHARES,
        learning_rate=st.floats(0.01, 10),
    )


AUTO = plans("auto", st.floats(0, 10))


def contribution(
    language: LanguageCode, examples: int = 10, delta: Array | None = None, metrics: Metrics | None = None
) -> Contribution:
    header = UpdateHeader(
        sequence=1,
        language=language,
        base_version=0,
        examples=examples,
        plan="",
        backbone="",
        metrics=metrics or Metrics(),
    )
    return Contribution("c", header, language, 0, np.ones(VALUES, np.float32) if delta is None else delta, 0.0)


def near(
    target: LanguageCode,
    sources: Sequence[LanguageCode],
    relations: Relations,
    examples: Mapping[LanguageCode, float],
    plan: Aggregation,
) -> np.ndarray:
    return proximities([target], sources, relations, examples, plan)[0]


@KINDS
@given(relations=RELATIONS, examples=EXAMPLES, data=st.data())
def test_proximities_lie_between_0_and_1_and_are_1_for_a_language_itself(
    kind: str, relations: Relations, examples: dict[LanguageCode, float], data: st.DataObject
) -> None:
    plan = data.draw(plans(kind))
    sources = data.draw(st.lists(st.sampled_from(sorted(examples)), min_size=1))
    found = proximities(TARGETS, sources, relations, examples, plan)
    assert found.shape == (len(TARGETS), len(sources))
    assert np.isfinite(found).all()
    assert ((found >= 0) & (found <= 1)).all()
    assert (found[0] == 1).all()
    for row, target in enumerate(TARGETS):
        assert all(found[row, column] == 1 for column, source in enumerate(sources) if source == target)


@KINDS
@given(relations=RELATIONS, examples=EXAMPLES, data=st.data())
def test_the_order_of_the_languages_does_not_matter(
    kind: str, relations: Relations, examples: dict[LanguageCode, float], data: st.DataObject
) -> None:
    plan, sources = data.draw(plans(kind)), sorted(examples)
    order = data.draw(st.permutations(range(len(sources))))
    shuffled = {sources[place]: examples[sources[place]] for place in order}
    found = proximities(TARGETS, list(shuffled), relations, shuffled, plan)
    assert found == pytest.approx(proximities(TARGETS, sources, relations, examples, plan)[:, order], abs=1e-9)


DEVICES = st.lists(st.tuples(st.sampled_from(TAGS), st.integers(0, 10**6)), min_size=1, max_size=6)


def active(devices: Sequence[tuple[LanguageCode, int]]) -> dict[LanguageCode, list[int]]:
    examples: dict[LanguageCode, list[int]] = {}
    for language, count in devices:
        examples.setdefault(language, []).append(count)
    return examples


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


@given(RELATIONS, EXAMPLES, AUTO)
def test_with_hardly_any_examples_auto_is_uniform(
    relations: Relations, examples: dict[LanguageCode, float], plan: Aggregation
) -> None:
    few = {language: count * 1e-24 for language, count in examples.items()}
    found = proximities(TAGS, sorted(examples), relations, few, plan)
    assert found == pytest.approx(np.ones_like(found), abs=1e-3)


@given(RELATIONS, EXAMPLES, AUTO, st.floats(1, 1e3))
def test_the_more_examples_all_have_the_sharper_auto_is(
    relations: Relations, examples: dict[LanguageCode, float], plan: Aggregation, factor: float
) -> None:
    sources = sorted(examples)
    more = {language: count * factor for language, count in examples.items()}
    found = proximities(TAGS, sources, relations, examples, plan)
    assert (proximities(TAGS, sources, relations, more, plan) <= found + CLOSE).all()


@pytest.mark.parametrize("kind", ["auto", "fixed"])
@given(distances=DISTANCES, examples=EXAMPLES, judgements=JUDGEMENTS, data=st.data())
def test_a_language_listens_less_to_those_that_are_further_away(
    kind: str,
    distances: Distances,
    examples: dict[LanguageCode, float],
    judgements: dict[LanguageCode, Judgement],
    data: st.DataObject,
) -> None:
    plan, target = data.draw(plans(kind)), data.draw(st.sampled_from(TAGS))
    sources = sorted(examples, key=lambda source: distance(target, source, distances, plan.metrics))
    found = near(target, sources, Relations(distances, {}, judgements), examples, plan)
    assert (np.diff(found) <= 0).all()


@pytest.mark.parametrize("kind", ["auto", "fixed"])
@given(distances=DISTANCES, examples=EXAMPLES, further=SHARES, data=st.data())
def test_a_language_that_is_further_away_than_thought_is_listened_to_less(
    kind: str, distances: Distances, examples: dict[LanguageCode, float], further: float, data: st.DataObject
) -> None:
    plan, target = data.draw(AUTO if kind == "auto" else plans(kind)), data.draw(st.sampled_from(TAGS))
    source = data.draw(st.sampled_from(sorted(examples)))
    assume(source != target)
    assume(further >= distance(target, source, distances, plan.metrics))
    moved = {**distances, pair(target, source): {"custom": further}}
    before = near(target, [source], Relations(distances), examples, plan)
    assert (near(target, [source], Relations(moved), examples, plan) <= before + CLOSE).all()


def expected_error(shares: np.ndarray, biases: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The squared error of prompts that take these shares, [prompts, languages], from languages."""
    return (shares @ biases) ** 2 + (shares**2 / counts).sum(axis=-1)


@given(
    distances=DISTANCES,
    examples=EXAMPLES,
    bias=st.floats(1e-4, 10),
    target=st.sampled_from(TAGS),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_shares_of_auto_have_the_least_expected_error(
    distances: Distances, examples: dict[LanguageCode, float], bias: float, target: LanguageCode, seed: int
) -> None:
    plan = Aggregation(proximity="auto", distance_bias=bias)
    sources, counts = list(examples), np.array(list(examples.values()))
    shares = counts * near(target, sources, Relations(distances), examples, plan)
    shares /= shares.sum()
    biases = math.sqrt(bias) * np.array([distance(target, one, distances, plan.metrics) for one in sources])
    least = float(expected_error(shares, biases, counts))

    random = np.random.default_rng(seed)
    anywhere = random.dirichlet(np.full(len(sources), 0.5), size=200)
    nearby = shares + random.choice([1e-3, 1e-2, 0.1], size=(200, 1)) * (anywhere - shares)
    for others in (anywhere, nearby, np.eye(len(sources))):
        assert (expected_error(others, biases, counts) >= least * (1 - 1e-9)).all()
    # The error is convex: where no way to a corner leads down, no way does.
    slope = 2 * (shares @ biases) * biases + 2 * shares / counts
    assert (slope - shares @ slope >= -1e-4 * least).all()


@given(DISTANCES, COMPARISONS, EXAMPLES, AUTO, st.sampled_from(TAGS), st.floats(0, 30), st.integers(1, 100))
def test_a_language_whose_own_prompts_do_better_listens_less_to_others(
    distances: Distances,
    comparisons: dict[tuple[LanguageCode, LanguageCode], Comparison],
    examples: dict[LanguageCode, float],
    plan: Aggregation,
    target: LanguageCode,
    errors: float,
    times: int,
) -> None:
    def listens(judgements: Mapping[LanguageCode, Judgement]) -> np.ndarray:
        return near(target, sorted(examples), Relations(distances, comparisons, judgements), examples, plan)

    as_thought, better, undecided = listens({}), Judgement(errors, times), Judgement(0.0, times)
    assert (listens({target: better}) <= as_thought + CLOSE).all()
    assert (listens({target: Judgement(-errors, times)}) >= as_thought - CLOSE).all()
    # What one language shows says something of all.
    other = next(tag for tag in TAGS if tag != target)
    assert (listens({other: better}) <= as_thought + CLOSE).all()
    # But more of itself.
    own = listens({target: better, other: undecided})
    assert (own <= listens({target: undecided, other: better}) + CLOSE).all()


@given(st.floats(-1e6, 1e6), st.integers(1, 10**6))
def test_disagreement_is_bounded_and_chance_is_none(errors: float, times: int) -> None:
    shown = disagreement(Judgement(errors, times))
    assert abs(shown) <= MOST_DISAGREEMENT
    assert shown * errors >= 0
    assert (shown == 0) == (abs(errors) <= math.sqrt(times))
    assert disagreement(Judgement(-errors, times)) == -shown
    # The same over more judgements is less of a sign.
    assert abs(disagreement(Judgement(errors, 4 * times))) <= abs(shown)


@given(st.sampled_from(["auto", "observed"]), st.floats(0.05, 0.95), st.floats(-1, 0.9), st.integers(1, 100))
def test_a_pair_whose_deltas_differ_more_than_others_is_thought_to_be_further_apart(
    kind: str, known: float, cosine: float, times: int
) -> None:
    distances = {two: {"genetic": known} for two in PAIRS}
    target, alike, different = TAGS[:3]
    comparisons = {
        pair(target, alike): Comparison(cosine + 0.1, times),
        pair(target, different): Comparison(cosine, times),
    }
    examples = dict.fromkeys(TAGS[:3], 100.0)
    plan = Aggregation(proximity=kind, temperature=1.0, distance_bias=0.01)  # type: ignore[arg-type]
    found = near(target, [alike, different], Relations(distances, comparisons), examples, plan)
    assert found[1] < found[0]


SCORES = st.none() | SHARES
METRICS = st.builds(Metrics, accuracy=SCORES, own_accuracy=SCORES, validated=st.integers(0, 10**9))


@given(st.lists(st.lists(st.tuples(st.sampled_from(TAGS), METRICS), max_size=6), max_size=8), st.data())
def test_judgements_count_devices_that_compared_each_at_most_so_much(
    folds: list[list[tuple[LanguageCode, Metrics]]], data: st.DataObject
) -> None:
    relations, compared = Relations(), dict[LanguageCode, int]()
    for fold in folds:
        buffer = [contribution(language, metrics=metrics) for language, metrics in fold]
        changed = judge(buffer, relations)
        shuffled = judge(data.draw(st.permutations(buffer)), relations)
        assert changed.keys() == shuffled.keys()
        for language, judgement in changed.items():
            assert shuffled[language].times == judgement.times
            assert shuffled[language].errors == pytest.approx(judgement.errors, abs=1e-9)
        for language, metrics in fold:
            if None not in (metrics.accuracy, metrics.own_accuracy) and metrics.validated:
                compared[language] = compared.get(language, 0) + 1
        relations = added(relations, {}, changed)
        assert {language: judgement.times for language, judgement in relations.judgements.items()} == compared
        assert all(abs(judgement.errors) <= 3 * judgement.times + 1e-9 for judgement in relations.judgements.values())


DELTAS = arrays(np.float32, VALUES, elements=st.floats(-100, 100, width=32))
UPDATES = st.lists(st.tuples(st.sampled_from(TAGS), DELTAS), min_size=1, max_size=6)


@given(UPDATES, UPDATES, st.data())
def test_the_order_of_updates_in_a_buffer_shows_nothing(
    earlier: list[tuple[LanguageCode, Array]], updates: list[tuple[LanguageCode, Array]], data: st.DataObject
) -> None:
    before, shown = compare([contribution(language, delta=delta) for language, delta in earlier], {}, Relations())
    relations = added(Relations(), shown, {})
    # Deltas that nearly cancel each other leave a direction of rounding errors.
    assume(all(np.linalg.norm(direction) > 0.1 for direction in before.values()))
    buffer = [contribution(language, delta=delta) for language, delta in updates]
    directions, comparisons = compare(buffer, before, relations)
    assume(all(np.linalg.norm(direction) > 0.1 for direction in directions.values()))
    shuffled = list(data.draw(st.permutations(buffer)))
    found_directions, found_comparisons = compare(shuffled, before, relations)
    assert found_directions.keys() == directions.keys()
    assert found_comparisons.keys() == comparisons.keys()
    for language, direction in directions.items():
        assert found_directions[language] == pytest.approx(direction, rel=1e-3, abs=1e-4)
    for two, seen in comparisons.items():
        assert found_comparisons[two].times == seen.times
        assert found_comparisons[two].cosine == pytest.approx(seen.cosine, abs=1e-2)


@given(UPDATES, UPDATES)
def test_cosines_are_cosines_and_counted(
    earlier: list[tuple[LanguageCode, Array]], updates: list[tuple[LanguageCode, Array]]
) -> None:
    directions, relations = dict[LanguageCode, Array](), Relations()
    for fold in (earlier, updates):
        heard = {language for language, _ in fold}
        before = relations.comparisons
        changed, shown = compare(
            [contribution(language, delta=delta) for language, delta in fold], directions, relations
        )
        directions.update(changed)
        assert changed.keys() == heard
        moving = {language for language, direction in directions.items() if np.linalg.norm(direction) > 0}
        assert shown.keys() == {two for two in PAIRS if heard.intersection(two) and set(two) <= moving}
        for two, seen in shown.items():
            assert -1 <= seen.cosine <= 1
            assert seen.times == before.get(two, Comparison(0, 0)).times + 1
        relations = added(relations, shown, {})


@given(st.lists(st.sampled_from(TAGS), min_size=2, max_size=5, unique=True), DELTAS, st.floats(0.1, 10))
def test_equal_directions_have_a_cosine_of_1(languages: list[LanguageCode], delta: Array, longer: float) -> None:
    assume(np.linalg.norm(delta) > 1e-3)
    buffer = [
        contribution(language, delta=(delta * np.float32(longer if place else 1)).astype(np.float32))
        for place, language in enumerate(languages)
    ]
    _, comparisons = compare(buffer, {}, Relations())
    assert len(comparisons) == math.comb(len(languages), 2)
    assert all(seen.cosine == pytest.approx(1, abs=1e-5) for seen in comparisons.values())


@KINDS
@given(languages=st.lists(st.sampled_from(TAGS), min_size=2, max_size=5, unique=True), delta=DELTAS)
def test_languages_whose_deltas_are_equal_keep_proximities_that_make_sense(
    kind: str, languages: list[LanguageCode], delta: Array
) -> None:
    relations = Relations()
    _, comparisons = compare([contribution(language, delta=delta) for language in languages], {}, relations)
    plan, examples = Aggregation(proximity=kind), dict.fromkeys(languages, 100.0)  # type: ignore[arg-type]
    found = proximities(languages, languages, added(relations, comparisons, {}), examples, plan)
    assert ((found >= 0) & (found <= 1)).all()
