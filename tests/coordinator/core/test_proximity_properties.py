"""Properties of proximity: how much languages listen to one another."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mfpt_coord.core.proximity import PRIOR_BIAS, Matrix, distance, proximities
from mfpt_coord.core.relations import Comparison, Distances, OwnShare, Relations, Speaker, pair
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Aggregation
from support.relations import (
    COMPARISONS,
    DISTANCES,
    EXAMPLES,
    KINDS,
    OWN_SHARES,
    PAIRS,
    RELATIONS,
    SHARES,
    TAGS,
    TARGETS,
    plans,
)

# Rounding error of proximities where biases are large and examples are many.
CLOSE = 1e-5
AUTO = plans("auto")


def near(
    target: LanguageCode,
    sources: Sequence[LanguageCode],
    relations: Relations,
    examples: Mapping[LanguageCode, float],
    plan: Aggregation,
) -> Matrix:
    row: Matrix = proximities([target], sources, relations, examples, plan)[0]
    return row


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
@given(distances=DISTANCES, examples=EXAMPLES, shares=OWN_SHARES, data=st.data())
def test_a_language_listens_less_to_those_that_are_further_away(
    kind: str,
    distances: Distances,
    examples: dict[LanguageCode, float],
    shares: dict[Speaker, OwnShare],
    data: st.DataObject,
) -> None:
    plan, target = data.draw(plans(kind)), data.draw(st.sampled_from(TAGS))
    sources = sorted(examples, key=lambda source: distance(target, source, distances, plan.metrics))
    found = near(target, sources, Relations(distances, {}, shares), examples, plan)
    assert (np.diff(found) <= 0).all()


@pytest.mark.parametrize("kind", ["auto", "fixed"])
@given(distances=DISTANCES, examples=EXAMPLES, further=SHARES, data=st.data())
def test_a_language_that_is_further_away_than_thought_is_listened_to_less(
    kind: str, distances: Distances, examples: dict[LanguageCode, float], further: float, data: st.DataObject
) -> None:
    plan, target = data.draw(plans(kind)), data.draw(st.sampled_from(TAGS))
    source = data.draw(st.sampled_from(sorted(examples)))
    assume(source != target)
    assume(further >= distance(target, source, distances, plan.metrics))
    moved = {**distances, pair(target, source): {"custom": further}}
    before = near(target, [source], Relations(distances), examples, plan)
    assert (near(target, [source], Relations(moved), examples, plan) <= before + CLOSE).all()


def expected_error(shares: Matrix, biases: Matrix, counts: Matrix) -> Matrix:
    """Return the squared errors of prompts that take these shares, [prompts, languages], from the languages."""
    errors: Matrix = (shares @ biases) ** 2 + (shares**2 / counts).sum(axis=-1)
    return errors


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
    plan = Aggregation(proximity="auto")
    relations = Relations(distances, {}, {(target, "c"): OwnShare(0.5, math.log(bias / PRIOR_BIAS))})
    sources, counts = list(examples), np.array(list(examples.values()))
    shares = counts * near(target, sources, relations, examples, plan)
    shares /= shares.sum()
    biases = math.sqrt(bias) * np.array([distance(target, one, distances, plan.metrics) for one in sources])
    least = float(expected_error(shares, biases, counts))

    random = np.random.default_rng(seed)
    anywhere = random.dirichlet(np.full(len(sources), 0.5), size=200)
    nearby = shares + random.choice([1e-3, 1e-2, 0.1], size=(200, 1)) * (anywhere - shares)
    for others in (anywhere, nearby, np.eye(len(sources))):
        assert (expected_error(others, biases, counts) >= least * (1 - 1e-9)).all()
    # The error is convex: if no step towards a corner lowers it, no step does.
    slope = 2 * (shares @ biases) * biases + 2 * shares / counts
    assert (slope - shares @ slope >= -1e-4 * least).all()


@given(DISTANCES, COMPARISONS, EXAMPLES, AUTO, st.sampled_from(TAGS), st.floats(0, 8))
def test_a_language_that_keeps_more_of_its_own_listens_less_to_others(
    distances: Distances,
    comparisons: dict[tuple[LanguageCode, LanguageCode], Comparison],
    examples: dict[LanguageCode, float],
    plan: Aggregation,
    target: LanguageCode,
    disagreement: float,
) -> None:
    def listens(shown: Mapping[LanguageCode, float]) -> Matrix:
        said = {(language, "c"): OwnShare(0.5, one) for language, one in shown.items()}
        return near(target, sorted(examples), Relations(distances, comparisons, said), examples, plan)

    as_thought = listens({})
    assert (listens({target: disagreement}) <= as_thought + CLOSE).all()
    assert (listens({target: -disagreement}) >= as_thought - CLOSE).all()
    # What one language shows counts for all of them.
    other = next(tag for tag in TAGS if tag != target)
    assert (listens({other: disagreement}) <= as_thought + CLOSE).all()
    # But more for itself.
    own = listens({target: disagreement, other: 0.0})
    assert (own <= listens({target: 0.0, other: disagreement}) + CLOSE).all()


@given(st.sampled_from(["auto", "observed"]), st.floats(0.05, 0.95), st.floats(-1, 0.9), st.integers(1, 100))
def test_a_pair_whose_deltas_differ_more_than_others_is_thought_to_be_further_apart(
    kind: Any, known: float, cosine: float, times: int
) -> None:
    distances = {two: {"genetic": known} for two in PAIRS}
    target, alike, different = TAGS[:3]
    comparisons = {
        pair(target, alike): Comparison(cosine + 0.1, times),
        pair(target, different): Comparison(cosine, times),
    }
    examples = dict.fromkeys(TAGS[:3], 100.0)
    plan = Aggregation(proximity=kind, temperature=1.0)
    found = near(target, [alike, different], Relations(distances, comparisons), examples, plan)
    assert found[1] < found[0]
