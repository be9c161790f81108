"""Languages whose one device meets some labels more often than others: which of its rows it holds.

A device's mixture of labels is drawn around that of its language: q ~ Dirichlet(skew K p), with p the share of each of
the K labels among the language's training examples. Where all labels are equally frequent, each has the concentration
`skew`, as when several devices share the rows of a language. Source: Hsu et al. 2019, "Measuring the effects of
non-identical data distribution", section 3, where the concentration is that of all labels together.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Mixture = NDArray[np.float64]
"""Share of every label, [labels]; they sum to 1."""
Counts = NDArray[np.int64]


def draw_mixture(labels: Sequence[int], skew: float, rng: np.random.Generator) -> Mixture:
    """Draw a mixture of labels around that of a language.

    Args:
        labels: Label of every example of the language; each of 0, 1, ... may be missing.
        skew: Concentration; the mean is always the language's own mixture, and small is far from it.
        rng: Source of randomness.
    """
    counts = np.bincount(np.asarray(labels, np.int64))
    present = np.flatnonzero(counts)
    mixture = np.zeros(counts.size)
    mixture[present] = rng.dirichlet(skew * present.size * counts[present] / counts.sum())
    return mixture


def first_of_mixture(rows: Sequence[int], labels: Sequence[int], wanted: int, mixture: Mixture) -> list[int]:
    """Return the first rows of every label, as many of each as its share says.

    A label that has too few rows gives all of them, and the others make up for it in their proportions; if their
    shares are zero, by what they have.

    Args:
        rows: Rows to choose from, at least `wanted`.
        labels: Label of every row of the language.
        wanted: Number of rows to return.
        mixture: Share of each label.
    """
    of_label = np.asarray(labels, np.int64)[np.asarray(rows, np.int64)]
    left = _quotas(np.bincount(of_label, minlength=mixture.size), wanted, mixture)
    chosen = []
    for row, label in zip(rows, of_label.tolist(), strict=True):
        if left[label]:
            left[label] -= 1
            chosen.append(row)
    return chosen


def _quotas(available: Counts, wanted: int, mixture: Mixture) -> Counts:
    given = np.zeros_like(available)
    while missing := wanted - int(given.sum()):
        room = available - given
        shares = np.where(room > 0, mixture, 0.0)
        given += np.minimum(room, _rounded(missing, shares if shares.any() else room.astype(np.float64)))
    return given


def _rounded(total: int, shares: Mixture) -> Counts:
    """Divide a number in proportion to shares; the largest remainders are rounded up."""
    exact = total * shares / shares.sum()
    whole: Counts = np.floor(exact).astype(np.int64)
    order = np.argsort(whole - exact, kind="stable")
    whole[order[: total - int(whole.sum())]] += 1
    return whole
