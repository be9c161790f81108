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

    def probabilities(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> NDArray[np.float32]:
        """Return [texts, labels].

        Args:
            texts: to label.
            pairs: where the task is to label pairs, the second text of each.
        """


def predict(predictor: Predictor, texts: Sequence[str], pairs: Sequence[str] | None = None) -> list[Prediction]:
    """Return a label for every text, or for every pair."""
    if not texts:
        return []
    found = predictor.probabilities(texts, pairs)
    best = found.argmax(axis=1).tolist()
    return [
        Prediction(text, predictor.labels[index], float(row[index]))
        for text, index, row in zip(texts, best, found, strict=True)
    ]


def evaluate(predictor: Predictor, examples: Sequence[Example]) -> Measured:
    """Return accuracy and loss over examples; of none at all, both are zero."""
    if not examples:
        return Measured(0.0, 0.0, 0)
    pairs = [example.pair for example in examples] if examples[0].pair else None
    found = predictor.probabilities([example.text for example in examples], pairs)
    right = [int(row.argmax()) == example.label for row, example in zip(found, examples, strict=True)]
    loss = [-math.log(max(1e-12, float(row[example.label]))) for row, example in zip(found, examples, strict=True)]
    return Measured(sum(right) / len(right), sum(loss) / len(loss), len(right))
