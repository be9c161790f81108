"""Properties of what updates show about how languages relate."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mfpt_coord.core.evidence import added, compare
from mfpt_coord.core.proximity import proximities
from mfpt_coord.core.relations import Comparison, Relations
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Aggregation
from mfpt_shared.tensors import Array
from support.relations import KINDS, PAIRS, TAGS, VALUES, contribution

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
