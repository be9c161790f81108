"""Is a sentence among those that an update was made from? A matched filter on what the update changed in the head.

Training adds to a head, for every sentence, what the sentence's features are worth for its label and against the
others. So the change of a head points to the sentences that it learnt from, and a candidate that is among them lies in
its direction more than others do. Features of all sentences have much in common; dividing by their covariance, which
follows from any other sentences of the language, takes that away.

Source: the matched filter, Van Trees 1968, "Detection, Estimation, and Modulation Theory", part I, section 4.2; that
gradients tell members, Nasr, Shokri, Houmansadr 2019, "Comprehensive privacy analysis of deep learning".
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Indices = NDArray[np.int64]


class Head(NamedTuple):
    """A linear head, or the change of one.

    Attributes:
        weight: [labels, width].
        bias: [labels].
    """

    weight: Values
    bias: Values


class Answers(NamedTuple):
    """What a head has to decide on some sentences: one label for each, or one for each word.

    Attributes:
        features: [answers, width], what the head sees.
        labels: [answers], index of each right label.
        sentences: [answers], index of the sentence that each belongs to, counted from 0 without a gap.
    """

    features: Values
    labels: Indices
    sentences: Indices

    @property
    def number(self) -> int:
        """Number of sentences."""
        return int(self.sentences.max()) + 1 if len(self.sentences) else 0

    def take(self, chosen: Indices) -> "Answers":
        """Return some of the sentences, in the order given."""
        rows = [np.flatnonzero(self.sentences == sentence) for sentence in chosen]
        places = np.repeat(np.arange(len(chosen)), [len(found) for found in rows])
        order = np.concatenate(rows) if rows else np.zeros(0, np.int64)
        return Answers(self.features[order], self.labels[order], places)


class Filter(NamedTuple):
    """What is known of features in general.

    Attributes:
        mean: [width], mean of the language.
        inverse: [width, width], inverse of the covariance, with a penalty.
    """

    mean: Values
    inverse: Values


def matched_filter(language: Values, centred: Values, penalty: float) -> Filter:
    """Return the filter for sentences of a language.

    Args:
        language: Features of other sentences of the language, [answers, width].
        centred: Features of other sentences of any languages, less the mean of their language, [answers, width].
        penalty: What is added to each variance, in mean variances: few sentences know little of the covariance.
    """
    width = centred.shape[1]
    covariance = centred.T @ centred / max(1, len(centred))
    ridge = penalty * max(float(np.trace(covariance)) / width, 1e-12)
    return Filter(language.mean(axis=0), np.linalg.inv(covariance + ridge * np.eye(width)))


def scores(change: Head, start: Head, candidates: Answers, known: Filter, *, labels_known: bool = True) -> Values:
    """Return how much an update looks as if it was made from each candidate: [sentences], higher is more.

    A candidate's score is the inner product of the change with the step that training on the candidate asks for, over
    the length of that step, both seen through the filter.

    Args:
        change: What the update, or the mean of several, changed in the head.
        start: Head that it started from.
        candidates: Sentences that may have been trained on, with features by the prompt that it started from.
        known: Filter for their language.
        labels_known: Whether the labels of the candidates are known; if not, each answer is given the label that fits
            best.
    """
    centred = candidates.features - known.mean
    filtered = centred @ known.inverse
    against = softmax(candidates.features @ start.weight.T + start.bias)
    gains = filtered @ change.weight.T
    gains -= (against * gains).sum(axis=1, keepdims=True)
    # Squared length of the step for each label: (1 - p)^2 + sum of the others' p^2, times that of the features.
    pulls = 1 - 2 * against + np.square(against).sum(axis=1, keepdims=True)
    squares = pulls * np.maximum((filtered * centred).sum(axis=1, keepdims=True), 1e-12)
    chosen = candidates.labels if labels_known else (gains / np.sqrt(squares)).argmax(axis=1)
    rows = np.arange(len(chosen))
    gain = np.bincount(candidates.sentences, gains[rows, chosen], candidates.number)
    square = np.bincount(candidates.sentences, squares[rows, chosen], candidates.number)
    return gain / np.sqrt(np.maximum(square, 1e-12))


def softmax(logits: Values) -> Values:
    """Return the probabilities [answers, labels] that logits [answers, labels] stand for."""
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    found: Values = odds / odds.sum(axis=1, keepdims=True)
    return found
