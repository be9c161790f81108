"""Properties of what updates show about how languages relate."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mfpt_coord.core.evidence import added, compare, judge
from mfpt_coord.core.proximity import disagreement, proximities
from mfpt_coord.core.relations import Comparison, Judge, Judgement, Relations
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Aggregation
from mfpt_shared.protocol.messages import Metrics
from mfpt_shared.tensors import Array
from support.relations import KINDS, PAIRS, SHARES, TAGS, VALUES, contribution

MOST_DISAGREEMENT = 8.0


@given(st.floats(-1e6, 1e6), st.integers(1, 10**6))
def test_disagreement_is_bounded_and_chance_is_none(errors: float, times: int) -> None:
    shown = disagreement(Judgement(errors, times))
    assert abs(shown) <= MOST_DISAGREEMENT
    assert shown * errors >= 0
    assert (shown == 0) == (abs(errors) <= math.sqrt(times))
    assert disagreement(Judgement(-errors, times)) == -shown
    # The same sum over more judgements means less.
    assert abs(disagreement(Judgement(errors, 4 * times))) <= abs(shown)


SCORES = st.none() | SHARES
METRICS = st.builds(Metrics, accuracy=SCORES, own_share=SCORES, validated=st.integers(0, 10**9))


@given(st.lists(st.lists(st.tuples(st.sampled_from(TAGS), METRICS), max_size=6), max_size=8), st.data())
def test_judgements_count_devices_that_compared_each_at_most_so_much(
    folds: list[list[tuple[LanguageCode, Metrics]]], data: st.DataObject
) -> None:
    relations, compared = Relations(), dict[Judge, int]()
    for fold in folds:
        buffer = [contribution(language, metrics=metrics) for language, metrics in fold]
        changed = judge(buffer, relations)
        shuffled = judge(data.draw(st.permutations(buffer)), relations)
        assert changed.keys() == shuffled.keys()
        for language, judgement in changed.items():
            assert shuffled[language].times == judgement.times
            assert shuffled[language].errors == pytest.approx(judgement.errors, abs=1e-9)
        for spoken, metrics in fold:
            if metrics.own_share is not None:
                compared[spoken, "c"] = compared.get((spoken, "c"), 0) + 1
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
    kind: Any, languages: list[LanguageCode], delta: Array
) -> None:
    relations = Relations()
    _, comparisons = compare([contribution(language, delta=delta) for language in languages], {}, relations)
    plan, examples = Aggregation(proximity=kind), dict.fromkeys(languages, 100.0)
    found = proximities(languages, languages, added(relations, comparisons, {}), examples, plan)
    assert ((found >= 0) & (found <= 1)).all()
