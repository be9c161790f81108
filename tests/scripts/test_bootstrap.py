"""The statistics of a study over families, on made-up answers whose truth is known."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from mfpt_shared.languages import LanguageCode
from reproduction.bootstrap import Tallies, chance_of_harm, interval, resampled, score, seed_mean

SEEDS = 2
STUDIES = 200


def texts(right: NDArray[np.bool_]) -> Tallies:
    """Return tallies of texts with one answer each: [seeds, sentences] -> [seeds, sentences, 3]."""
    ones = np.ones_like(right, np.int64)
    return np.stack([right.astype(np.int64), ones, ones], axis=-1)


def answers(rng: np.random.Generator, sentences: int, *chances: float) -> list[Tallies]:
    """Return answers of methods with different chances to be right; hard sentences are hard for all of them."""
    hardness = rng.uniform(-0.3, 0.3, sentences)
    return [texts(rng.random((SEEDS, sentences)) < chance + hardness) for chance in chances]


def entities(rng: np.random.Generator, sentences: int, *chances: float) -> list[Tallies]:
    """Return what methods find of the same entities, none to four in a sentence."""
    wanted = np.broadcast_to(rng.integers(0, 5, sentences), (SEEDS, sentences))
    return [np.stack([rng.binomial(wanted, chance), wanted, wanted], axis=-1) for chance in chances]


def test_a_score_is_accuracy_of_texts_and_f1_of_entities() -> None:
    assert seed_mean(texts(np.array([[True, False, True, True]]))) == 0.75
    assert score(np.array([3.0, 4.0, 6.0])) == 2 * (3 / 4) * (3 / 6) / (3 / 4 + 3 / 6)


def test_nothing_given_and_nothing_wanted_scores_zero() -> None:
    assert score(np.zeros(3)) == 0.0


@pytest.mark.parametrize(("draw", "parallel"), [(answers, False), (answers, True), (entities, False)])
def test_intervals_hold_the_true_difference_nineteen_times_of_twenty(
    draw: Callable[..., list[Tallies]], parallel: bool
) -> None:
    rng = np.random.default_rng(0)
    tags = [LanguageCode("swh"), LanguageCode("zul"), LanguageCode("yor")]
    held = 0
    for study in range(STUDIES):
        pairs = {tag: draw(rng, 120, 0.6, 0.55) for tag in tags}
        methods = {name: {tag: pairs[tag][at] for tag in tags} for at, name in enumerate(("ours", "theirs"))}
        drawn = resampled(methods, parallel=parallel, draws=300, seed=study)
        found = interval(0.0, np.mean([drawn["ours"][tag] - drawn["theirs"][tag] for tag in tags], axis=0))
        held += found.low <= 0.05 <= found.high
    assert 0.90 * STUDIES <= held <= 0.99 * STUDIES


def test_sentences_that_are_translations_are_drawn_together() -> None:
    """The same answers in two languages say no more than those in one."""
    rng = np.random.default_rng(1)
    ours, theirs = answers(rng, 200, 0.7, 0.5)
    tags = [LanguageCode("swh"), LanguageCode("zul")]
    methods = {"ours": dict.fromkeys(tags, ours), "theirs": dict.fromkeys(tags, theirs)}

    def width(*, parallel: bool) -> float:
        drawn = resampled(methods, parallel=parallel)
        differences = np.mean([drawn["ours"][tag] - drawn["theirs"][tag] for tag in tags], axis=0)
        return float(np.std(differences))

    assert width(parallel=False) == pytest.approx(width(parallel=True) / np.sqrt(2), rel=0.1)


def test_languages_with_different_numbers_of_sentences_are_drawn_for_themselves() -> None:
    rng = np.random.default_rng(2)
    tags = [LanguageCode("swh"), LanguageCode("zul")]
    of = {"ours": {tag: answers(rng, 50 + at, 0.5)[0] for at, tag in enumerate(tags)}}
    drawn = resampled(of, parallel=True, draws=2000)["ours"]
    assert abs(np.corrcoef(drawn[tags[0]], drawn[tags[1]])[0, 1]) < 0.1


def test_all_methods_meet_the_same_resamples() -> None:
    rng = np.random.default_rng(3)
    tag = LanguageCode("swh")
    [same] = entities(rng, 80, 0.6)
    drawn = resampled({"ours": {tag: same}, "theirs": {tag: same}}, parallel=False)
    assert (drawn["ours"][tag] == drawn["theirs"][tag]).all()
    assert drawn["ours"][tag].std() > 0


@pytest.mark.parametrize("draw", [answers, entities])
def test_without_a_difference_at_most_one_test_of_twenty_is_below_five_percent(
    draw: Callable[..., list[Tallies]],
) -> None:
    rng = np.random.default_rng(4)
    low = 0
    for study in range(STUDIES):
        ours, theirs = draw(rng, 60, 0.6, 0.6)
        low += chance_of_harm(ours, theirs, draws=400, seed=study) < 0.05
    assert low <= 0.09 * STUDIES


def test_a_clear_loss_is_found_and_a_clear_gain_is_not() -> None:
    good, bad = answers(np.random.default_rng(5), 200, 0.7, 0.5)
    assert chance_of_harm(bad, good) < 0.001
    assert chance_of_harm(good, bad) > 0.99


def test_the_same_answers_show_no_harm() -> None:
    [same] = answers(np.random.default_rng(6), 30, 0.7)
    assert chance_of_harm(same, same) == 1.0
