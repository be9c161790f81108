"""The membership attack by itself: what it finds, and what it must not find."""

import numpy as np
import pytest

from mfpt_shared.plan import Training
from reproduction.membership import Answers, Head, Indices, Values, matched_filter, scores
from reproduction.roc import Stratum, auc, mean_auc
from reproduction.shadows import PENALTIES, Reference, trained, tuned

LABELS, WIDTH = 4, 24
TRAINING = Training(head_start="zero", head_learning_rate=0.005)


def sentences(number: int, seed: int, words: int = 1) -> Answers:
    """Return made-up sentences with features that have much in common."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(0).standard_normal((WIDTH, WIDTH)) * np.geomspace(3, 0.1, WIDTH)
    features = rng.standard_normal((number * words, WIDTH)) @ mixing.T + 2.0
    labels = rng.integers(0, LABELS, number * words)
    return Answers(features, labels, np.repeat(np.arange(number), words))


def untrained() -> Head:
    return Head(np.zeros((LABELS, WIDTH)), np.zeros(LABELS))


def attacked(members: Indices, candidates: Answers, *, labels_known: bool = True) -> Stratum:
    """Train a head on some candidates, and attack it with the help of other sentences."""
    change = trained(untrained(), candidates.take(members), TRAINING, np.random.default_rng(1))
    others = sentences(200, seed=2).features
    known = matched_filter(others, others - others.mean(axis=0), 0.3)
    given = scores(change, untrained(), candidates, known, labels_known=labels_known)
    return Stratum(given[members], np.delete(given, members))


def test_a_planted_member_is_found_among_many_others() -> None:
    stratum = attacked(np.array([7]), sentences(200, seed=3))

    assert stratum.members[0] > np.quantile(stratum.others, 0.98)


@pytest.mark.parametrize("words", [1, 5])
def test_members_score_higher_than_others(words: int) -> None:
    assert auc(attacked(np.arange(10), sentences(120, seed=4, words=words))) > 0.85


def test_members_are_found_without_their_labels_but_less_surely() -> None:
    known, unknown = (auc(attacked(np.arange(10), sentences(120, seed=5), labels_known=one)) for one in (True, False))

    assert known > unknown > 0.6


def test_a_head_that_was_trained_on_other_sentences_tells_nothing() -> None:
    candidates, rng = sentences(400, seed=6), np.random.default_rng(7)
    change = trained(untrained(), sentences(20, seed=8), TRAINING, rng)
    others = sentences(200, seed=2).features
    given = scores(change, untrained(), candidates, matched_filter(others, others - others.mean(axis=0), 0.3))
    strata = [Stratum(*np.split(rng.permutation(given), 2)) for _ in range(2)]

    found = mean_auc(strata)

    assert found.low < 0.5 < found.high


def test_chosen_sentences_keep_their_words_together() -> None:
    answers = sentences(5, seed=9, words=3)

    chosen = answers.take(np.array([4, 1]))

    assert chosen.sentences.tolist() == [0, 0, 0, 1, 1, 1]
    assert np.array_equal(chosen.features, answers.features[[12, 13, 14, 3, 4, 5]])
    assert chosen.number == 2


def test_random_scores_are_at_chance_within_their_interval_as_often_as_it_says() -> None:
    rng = np.random.default_rng(10)

    def covers() -> bool:
        found = mean_auc([Stratum(rng.standard_normal(20), rng.standard_normal(30)) for _ in range(4)], draws=200)
        return found.low < 0.5 < found.high

    assert sum(covers() for _ in range(60)) >= 54


def test_ties_count_half() -> None:
    assert auc(Stratum(np.array([1.0, 2.0]), np.array([1.0, 1.0]))) == 0.75


def test_an_interval_is_narrower_with_more_candidates() -> None:
    rng = np.random.default_rng(11)

    def width(number: int) -> float:
        found = mean_auc([Stratum(rng.standard_normal(number) + 1, rng.standard_normal(number))])
        return found.high - found.low

    assert width(400) < width(40) / 2


def test_shadow_heads_choose_how_to_attack() -> None:
    answers = sentences(60, seed=12)
    reference = Reference(answers, answers.features - answers.features.mean(axis=0))

    chosen = tuned([reference], untrained(), TRAINING, examples=10, group=2, seed=0)

    assert chosen.penalty in PENALTIES


def test_a_shadow_head_is_trained_as_torch_trains() -> None:
    torch = pytest.importorskip("torch")
    answers, head = sentences(12, seed=13), torch.nn.Linear(WIDTH, LABELS, dtype=torch.float64)
    with torch.no_grad():
        for part in head.parameters():
            part.zero_()
    optimiser = torch.optim.AdamW(head.parameters(), lr=TRAINING.head_learning_rate, weight_decay=TRAINING.weight_decay)
    for _ in range(TRAINING.epochs_for(12)):
        optimiser.zero_grad()
        logits = head(torch.from_numpy(answers.features))
        torch.nn.functional.cross_entropy(logits, torch.from_numpy(answers.labels)).backward()
        optimiser.step()

    change = trained(untrained(), answers, TRAINING, np.random.default_rng(0))

    expected: Values = head.weight.detach().numpy()
    assert np.allclose(change.weight, expected, atol=1e-8)
