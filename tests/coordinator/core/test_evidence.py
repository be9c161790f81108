"""What a fold's updates show about how languages relate, with figures worked out by hand."""

from collections.abc import Mapping

import numpy as np
import pytest

from mfpt_coord.core.evidence import added, compare
from mfpt_coord.core.relations import Comparison, OwnShare, Pair, Relations, pair
from mfpt_coord.core.state import Contribution
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import Metrics, UpdateHeader
from mfpt_shared.tensors import Array

SWAHILI, ZULU, ENGLISH = LanguageCode("swh"), LanguageCode("zul"), LanguageCode("eng")


def vector(*values: float) -> Array:
    return np.array(values, np.float32)


def update(language: LanguageCode, *delta: float, metrics: Metrics | None = None) -> Contribution:
    header = UpdateHeader(
        sequence=1, language=language, base_version=0, examples=9, plan="", backbone="", metrics=metrics or Metrics()
    )
    return Contribution("c", header, language, 0, vector(*delta), 0.0)


def test_the_first_direction_of_a_language_is_the_mean_of_its_deltas() -> None:
    directions, _ = compare([update(ZULU, 2, 0), update(SWAHILI, 1, 1), update(ZULU, 0, 4)], {}, Relations())
    assert directions.keys() == {SWAHILI, ZULU}
    assert directions[SWAHILI] == pytest.approx(vector(1, 1))
    assert directions[ZULU] == pytest.approx(vector(1, 2))


def test_later_deltas_move_a_direction_by_three_tenths() -> None:
    directions, _ = compare([update(ZULU, 0, 10)], {ZULU: vector(10, 0), SWAHILI: vector(1, 1)}, Relations())
    assert directions.keys() == {ZULU}
    assert directions[ZULU] == pytest.approx(vector(7, 3))


def rounded(comparisons: Mapping[Pair, Comparison]) -> dict[Pair, Comparison]:
    """Return comparisons without the rounding errors of single precision."""
    return {
        two: Comparison(round(seen.cosine, 6), seen.times, round(seen.weight, 5)) for two, seen in comparisons.items()
    }


def test_the_languages_of_a_buffer_are_compared_with_each_other_and_with_all_earlier_ones() -> None:
    _, comparisons = compare([update(SWAHILI, 3, 4), update(ZULU, 1, 0)], {ENGLISH: vector(0, -2)}, Relations())
    assert rounded(comparisons) == {
        pair(SWAHILI, ZULU): Comparison(0.6, 1, 5),
        pair(SWAHILI, ENGLISH): Comparison(-0.8, 1, 10),
        pair(ZULU, ENGLISH): Comparison(0.0, 1, 2),
    }


def test_languages_that_both_reported_nothing_new_are_not_compared() -> None:
    _, comparisons = compare([update(ZULU, 1, 0)], {ENGLISH: vector(0, 1), SWAHILI: vector(1, 0)}, Relations())
    assert comparisons.keys() == {pair(ZULU, ENGLISH), pair(ZULU, SWAHILI)}


def test_cosines_are_averaged_over_all_comparisons_by_the_lengths_of_the_deltas() -> None:
    known = Relations(comparisons={pair(SWAHILI, ZULU): Comparison(0.5, 3, 6.0)})
    _, comparisons = compare([update(SWAHILI, 1, 0), update(ZULU, -2, 0)], {}, known)
    assert rounded(comparisons) == {pair(SWAHILI, ZULU): Comparison((6 * 0.5 - 2 * 1) / 8, 4, 8)}


def test_a_delta_of_nothing_shows_nothing() -> None:
    _, comparisons = compare([update(SWAHILI, 0, 0), update(ZULU, 1, 0)], {}, Relations())
    assert comparisons == {}


def test_equal_directions_never_have_a_cosine_above_1() -> None:
    """In single precision, the cosine of these is 1.0000001."""
    _, comparisons = compare([update(SWAHILI, 0, 3, 3, 3), update(ZULU, 0, 3, 3, 3)], {}, Relations())
    assert 1 - 1e-6 < comparisons[pair(SWAHILI, ZULU)].cosine <= 1


def test_what_is_added_leaves_the_rest_as_it_was() -> None:
    distances, kept = {pair(SWAHILI, ZULU): {"genetic": 0.1}}, OwnShare(0.5, 1.0)
    known = Relations(
        distances, {pair(SWAHILI, ENGLISH): Comparison(0.1, 2)}, {(SWAHILI, "c"): kept, (SWAHILI, "d"): kept}
    )
    new = {pair(SWAHILI, ZULU): Comparison(0.9, 1)}
    assert added(known, new, {(SWAHILI, "c"): OwnShare(0.2, -1.0)}) == Relations(
        distances, {**known.comparisons, **new}, {(SWAHILI, "c"): OwnShare(0.2, -1.0), (SWAHILI, "d"): kept}
    )
