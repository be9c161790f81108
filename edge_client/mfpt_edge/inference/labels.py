"""Labels for texts, whichever runtime computes them. Needs no torch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mfpt_edge.data.example import Example
from mfpt_shared.device.trainer import Measured


@dataclass(frozen=True, slots=True)
class Prediction:
    """The most probable label of a text, with its probability."""

    text: str
    label: str
    probability: float


class Predictor(Protocol):
    """A backbone with a prompt, loaded."""

    @property
    def labels(self) -> Sequence[str]:
        """The plan's labels."""

    def probabilities(self, examples: Sequence[Example]) -> NDArray[np.float32]:
        """Return [examples, labels]; labels that the examples bring are not looked at."""


def predict(predictor: Predictor, texts: Sequence[str], pairs: Sequence[str] | None = None) -> list[Prediction]:
    """Return a label for every text, or for every pair.

    Args:
        predictor: Backbone and prompt.
        texts: Texts, or the first text of every pair.
        pairs: The second text of every pair; None: the task is not about pairs.
    """
    if not texts:
        return []
    seconds = [""] * len(texts) if pairs is None else pairs
    found = predictor.probabilities([Example(text, pair=pair) for text, pair in zip(texts, seconds, strict=True)])
    best = found.argmax(axis=1).tolist()
    return [
        Prediction(text, predictor.labels[index], float(row[index]))
        for text, index, row in zip(texts, best, found, strict=True)
    ]


def evaluate(predictor: Predictor, examples: Sequence[Example]) -> Measured:
    """Return accuracy and loss over examples; without examples, both are zero."""
    if not examples:
        return Measured(0.0, 0.0, 0)
    found = predictor.probabilities(examples)
    right = [int(row.argmax()) == example.label for row, example in zip(found, examples, strict=True)]
    loss = [-math.log(max(1e-12, float(row[example.label]))) for row, example in zip(found, examples, strict=True)]
    return Measured(sum(right) / len(right), sum(loss) / len(loss), len(right))
