"""Logistic regression of scikit-learn on what the frozen backbone gives: python -m rivals.linear_probe JOB.

Its penalty is chosen by cross-validation on the training examples, with all words of a sentence in one part, and
scikit-learn's own where they are too few for that.
"""

import time
import warnings
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold

from rivals.child import answer, job_of
from rivals.encoding import CUT_OFF, Batch, batches, encode, tokenizer_of
from rivals.job import Item, Job
from rivals.model import Rival
from rivals.training import ANSWER_BATCH

_PENALTIES: Final = {"C": [0.001, 0.01, 0.1, 1.0, 10.0]}
_ITERATIONS: Final = 500
_PARTS: Final = 5

Rows = NDArray[np.int64]


class Features(NamedTuple):
    """What a head sees.

    Attributes:
        values: [labels, width] float32.
        labels: [labels] int64.
        groups: [labels] int64, example of each label.
    """

    values: NDArray[np.float32]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]


def main(job: Job) -> None:
    """Fit a probe for each device, and one for all, and test both."""
    began = time.time()
    model, tokenizer = Rival(job, "none").eval(), tokenizer_of(job)

    def features(items: Sequence[Item]) -> Features:
        return _features(model, [*batches(encode(job, tokenizer, items), ANSWER_BATCH, range(len(items)))])

    train = {device.language: features(device.train) for device in job.devices}
    prepared = time.time()
    alone = {language: fit_probe(found) for language, found in train.items()}
    fitted = time.time()
    pooled = fit_probe(_together(list(train.values())))
    pooled_at = time.time()
    test = {device.language: features(device.test) for device in job.devices}
    answer(
        alone={language: _accuracy(alone[language], found) for language, found in test.items()},
        pooled={language: _accuracy(pooled, found) for language, found in test.items()},
        began=began,
        prepared=prepared,
        fitted=fitted,
        pooled_at=pooled_at,
    )


@torch.no_grad()
def _features(model: Rival, found: Sequence[Batch]) -> Features:
    values, labels, groups, examples = [], [], [], 0
    for batch in found:
        values.append(model.features(batch).numpy())
        labels.append(batch.labels.numpy())
        groups.append(batch.rows.numpy() + examples)
        examples += len(batch.ids)
    return Features(np.concatenate(values), np.concatenate(labels), np.concatenate(groups))


def _together(parts: Sequence[Features]) -> Features:
    starts = np.cumsum([0] + [int(part.groups.max()) + 1 for part in parts[:-1]])
    groups = [part.groups + start for part, start in zip(parts, starts, strict=True)]
    values, labels = np.concatenate([part.values for part in parts]), np.concatenate([part.labels for part in parts])
    return Features(values, labels, np.concatenate(groups))


def fit_probe(found: Features) -> GridSearchCV | LogisticRegression:
    kept = found.labels != CUT_OFF
    values, labels = found.values[kept], found.labels[kept]
    probe, splits = LogisticRegression(max_iter=_ITERATIONS), _splits(labels, found.groups[kept])
    return (GridSearchCV(probe, _PENALTIES, cv=splits) if splits else probe).fit(values, labels)


def _splits(labels: Rows, groups: Rows) -> list[tuple[Rows, Rows]]:
    """Return rows to fit to and rows to judge by, in turn; a probe can be fitted only where there are two labels.

    Args:
        labels: [labels] int64.
        groups: [labels] int64, example of each label.
    """
    parts = min(_PARTS, len(np.unique(groups)), int(np.bincount(labels).max()))
    if parts < 2:
        return []
    with warnings.catch_warnings():
        # Of labels with fewer examples than there are parts, it says that they are few.
        warnings.simplefilter("ignore", UserWarning)
        splits = list(StratifiedGroupKFold(parts).split(labels, labels, groups))
    return [(fitted, judged) for fitted, judged in splits if len(np.unique(labels[fitted])) > 1]


def _accuracy(probe: GridSearchCV | LogisticRegression, found: Features) -> float:
    # A word that was cut off has no label that a probe could give.
    return float((probe.predict(found.values) == found.labels).mean())


if __name__ == "__main__":
    main(job_of())
