"""Labels for words, whichever runtime computes them. Needs no torch."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from mfpt_edge.data.example import Example
from mfpt_edge.data.tallies import UNLABELLED, tally_words
from mfpt_shared.device.trainer import Tally, score
from mfpt_shared.plan import Task


class Tag(NamedTuple):
    """The most probable label of a word, with its probability."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Tagged:
    """A sentence whose words are labelled.

    Attributes:
        words: Its words.
        tags: Label of every word; None: the sentence is longer than the plan allows, and the word was cut off.
    """

    words: tuple[str, ...]
    tags: tuple[Tag | None, ...]


@dataclass(frozen=True, slots=True)
class TagQuality:
    """How good labels of words are.

    Attributes:
        accuracy: Share of words that have the right label.
        f1: Micro-averaged F1 of entities, 0 to 1; None: the labels are not those of entities.
        loss: Mean cross-entropy over the words that were not cut off.
        words: Number of words.
        cut_words: Number of words that were cut off, which count as wrong.
        tallies: Tally of every sentence, by the task's metric.
    """

    accuracy: float
    f1: float | None
    loss: float
    words: int
    cut_words: int
    tallies: tuple[Tally, ...]


class Tagger(Protocol):
    """A backbone with a prompt for words, loaded."""

    @property
    def task(self) -> Task:
        """The plan's task."""

    def word_probabilities(self, sentences: Sequence[Sequence[str]]) -> list[NDArray[np.float32]]:
        """Return [words that were not cut off, labels] for every sentence; those cut off are its last ones."""


def predict(tagger: Tagger, sentences: Sequence[Sequence[str]]) -> list[Tagged]:
    """Return the labels of all words of some sentences."""
    found = tagger.word_probabilities(sentences)
    return [
        Tagged(tuple(words), tuple(_tags(tagger, rows, words))) for words, rows in zip(sentences, found, strict=True)
    ]


def _tags(tagger: Tagger, rows: NDArray[np.float32], words: Sequence[str]) -> Iterator[Tag | None]:
    best = rows.argmax(axis=1).tolist()
    for row, index in zip(rows, best, strict=True):
        yield Tag(tagger.task.labels[index], float(row[index]))
    yield from [None] * (len(words) - len(rows))


def evaluate(tagger: Tagger, examples: Sequence[Example]) -> TagQuality:
    """Return how good labels are; without examples, all figures are zero.

    Raises:
        NotInstalled: Entities are counted by seqeval, which is not installed.
    """
    found = tagger.word_probabilities([example.words for example in examples])
    tallies, loss, right, kept, words = [], 0.0, 0, 0, 0
    for example, rows in zip(examples, found, strict=True):
        wanted = example.tags[: len(rows)]
        loss -= sum(math.log(max(1e-12, float(row[tag]))) for row, tag in zip(rows, wanted, strict=True))
        given = [*rows.argmax(axis=1).tolist(), *[UNLABELLED] * (len(example.tags) - len(rows))]
        right += sum(one == other for one, other in zip(example.tags, given, strict=True))
        kept, words = kept + len(rows), words + len(example.tags)
        tallies.append(tally_words(tagger.task, example.tags, given))
    return TagQuality(
        accuracy=right / max(1, words),
        f1=score(tallies) if tagger.task.metric == "f1" else None,
        loss=loss / max(1, kept),
        words=words,
        cut_words=words - kept,
        tallies=tuple(tallies),
    )
