"""The verdicts of the study over families, on made-up answers whose truth is known."""

import pytest

from reproduction.families_verdicts import below_alone, best_rival, judge
from support.made_up_rows import SWAHILI, ZULU, made_up_row


@pytest.mark.parametrize("rival", ["local_best", "fedavg", "fedbuff", "fixed"])
def test_the_best_rival_is_the_best_in_hindsight_of_all_ways_but_ours(rival: str) -> None:
    assert best_rival(made_up_row(chances={rival: 0.8, "central": 0.9, "mfpt": 0.9})) == rival


@pytest.mark.parametrize(("used", "regret"), [(0.65, False), (0.6, False), (0.5, True)])
def test_regret_is_a_gain_over_the_best_rival_that_may_be_below_the_margin(used: float, regret: bool) -> None:
    [verdict] = judge([made_up_row(chances={"mfpt_used": used})])
    assert verdict.no_regret is not regret


def test_a_difference_that_few_sentences_leave_open_is_a_regret() -> None:
    """Without evidence that joining costs nothing, nothing of the kind is claimed."""
    [few] = judge([made_up_row(chances={"mfpt_used": 0.58}, sentences=20)])
    [many] = judge([made_up_row(chances={"mfpt_used": 0.595}, sentences=3000)])
    assert not few.no_regret
    assert many.no_regret


def test_one_language_that_is_harmed_is_found_among_others() -> None:
    rows = [made_up_row("topics"), made_up_row("words", harmed={ZULU: 0.4})]
    fine, harmed = judge(rows)
    assert fine.harmed == []
    assert harmed.harmed == [ZULU]
    assert harmed.harms[ZULU].gain.high < 0 < harmed.harms[SWAHILI].holm


def test_the_correction_is_over_all_rows() -> None:
    harmed = made_up_row("words", harmed={ZULU: 0.57})
    [alone] = judge([harmed])
    among_many = judge([harmed, *(made_up_row("topics", examples) for examples in range(1, 8))])[0]
    assert among_many.harms[ZULU].p == alone.harms[ZULU].p
    assert among_many.harms[ZULU].holm > alone.harms[ZULU].holm


def test_below_alone_is_more_than_two_standard_errors_of_the_test_set() -> None:
    """With 300 sentences at .6, two standard errors are 5.7 points."""
    rows = [made_up_row("a little", harmed={ZULU: 0.56}), made_up_row("much", harmed={ZULU: 0.5})]
    assert [(row.family, language) for row, language in below_alone(rows)] == [("much", ZULU)]
