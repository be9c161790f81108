"""From probabilities to labels of words, and to how good they are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from mfpt_edge.data.example import Example
from mfpt_edge.inference.tags import Tag, evaluate, predict
from mfpt_shared.device.trainer import Tally
from mfpt_shared.plan import Task

POS = Task(labels=("NOUN", "VERB"), kind="tagging")
NER = Task(labels=("O", "B-PER", "I-PER"), kind="tagging")


@dataclass
class Certain:
    """A tagger that has the same answer for every word, and room for four words of a sentence."""

    task: Task
    answer: int

    def word_probabilities(self, sentences: Sequence[Sequence[str]]) -> list[NDArray[np.float32]]:
        row = np.full(len(self.task.labels), 0.1, np.float32)
        row[self.answer] = 0.8
        return [np.tile(row, (min(4, len(words)), 1)) for words in sentences]


def example(*tags: int) -> Example:
    return Example("", words=("neno",) * len(tags), tags=tags)


def test_words_that_were_cut_off_have_no_label() -> None:
    short, long, empty = predict(Certain(POS, 1), [("a", "b"), ("a",) * 6, ()])
    verb = Tag("VERB", float(np.float32(0.8)))
    assert short.tags == (verb, verb)
    assert long.tags == (verb, verb, verb, verb, None, None)
    assert (empty.words, empty.tags) == ((), ())


def test_words_that_were_cut_off_count_as_wrong() -> None:
    measured = evaluate(Certain(POS, 1), [example(1, 0), example(1, 1, 1, 0, 1, 1)])
    assert (measured.words, measured.cut_words) == (8, 2)
    assert measured.accuracy == 4 / 8
    assert measured.tallies == (Tally(1, 2, 2), Tally(3, 6, 6))
    assert measured.loss == pytest.approx(-(4 * np.log(0.8) + 2 * np.log(0.1)) / 6)
    assert measured.f1 is None


def test_entities_are_measured_by_f1_beside_the_accuracy_of_words() -> None:
    measured = evaluate(Certain(NER, 1), [example(1, 2, 0, 1)])
    assert measured.accuracy == 2 / 4
    # Four entities of one word are given, and two are wanted, of which the second has one word.
    assert measured.f1 == 2 * 1 / (4 + 2)


def test_nothing_is_measured_of_nothing() -> None:
    measured = evaluate(Certain(POS, 1), [])
    assert (measured.accuracy, measured.loss, measured.words) == (0, 0, 0)
