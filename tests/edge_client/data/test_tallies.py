"""How labels of words are counted: word by word, or entity by entity as seqeval does."""

from mfpt_edge.data.tallies import UNLABELLED, tally_entities, tally_words
from mfpt_shared.device.trainer import Tally, score
from mfpt_shared.plan import Task

POS = Task(labels=("NOUN", "VERB", "X"), kind="tagging")
NER = Task(labels=("O", "B-PER", "I-PER", "B-LOC", "I-LOC"), kind="tagging")


def test_words_that_were_cut_off_are_wrong_answers() -> None:
    tally = tally_words(POS, [0, 1, 2], [0, 0, UNLABELLED])
    assert tally == Tally(1, 3, 3)
    assert score([tally]) == 1 / 3


def test_an_entity_is_right_only_as_a_whole() -> None:
    assert tally_words(NER, [1, 2, 0, 3], [1, 2, 0, 1]) == Tally(1, 2, 2)
    assert tally_words(NER, [1, 2, 0], [1, 0, 0]) == Tally(0, 1, 1)


def test_an_entity_that_was_cut_off_was_not_given() -> None:
    assert tally_words(NER, [1, 0, 3], [1, 0, UNLABELLED]) == Tally(1, 1, 2)


def test_scores_are_those_of_seqeval() -> None:
    from seqeval.metrics import f1_score

    wanted = [["B-PER", "I-PER", "O", "B-LOC"], ["O", "I-LOC", "B-LOC", "B-PER"], ["O", "O"]]
    given = [["B-PER", "I-PER", "B-LOC", "B-LOC"], ["O", "B-LOC", "I-LOC", "B-PER"], ["O", "I-PER"]]
    assert score(map(tally_entities, wanted, given)) == f1_score(wanted, given)
