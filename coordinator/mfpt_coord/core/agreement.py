"""How far each update of a fold can be believed, by what the others say: colluders agree with each other too well.

Honest updates share a direction, and what sets each apart from it is its own: its examples, its noise. So two things
tell on updates that were made up together.

*They point elsewhere.* The cosine of an update with the mean of the others, its support, is far below that of most:
nothing below half of the median support counts, everything above three quarters of it counts in full. This stops
updates that are turned round, and those learnt from wrong labels.

*They deviate together.* What is left of an update without the common direction is compared with that of the others, and
m updates that deviate alike count as one. This stops updates that stay within the spread of the honest ones and all
push the same way ("a little is enough", Baruch et al. 2019).

The common direction is the mean of the unit vectors, in which the updates count by these two rules, a few times over; a
first guess counts each by its median cosine with the others. So the guess is right while most updates are honest.

Sources: support by cosine with a trusted direction is FLTrust's, Cao et al. 2021, which needs trusted examples at the
server; here the others stand in for them. That similar updates share one vote is FoolsGold's, Fung et al. 2020, where
whole histories are compared; here it is what lies beside the common direction, for honest updates are alike as well.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mfpt_shared.tensors import Array

Matrix = NDArray[np.float64]

# Of fewer updates, no one can say which are the odd ones.
_FEWEST: Final = 5
_TURNS: Final = 4
# Share of the median support below which an update counts nothing, and from which it counts in full.
_NONE, _ALL = 0.5, 0.75
_LEAST: Final = 1e-9
# Cosines of equal deltas are 1 except for rounding.
_SLIVER: Final = 1e-5


def agreement(deltas: Array) -> Matrix:
    """Return how much each update counts, in 0..1; 1 for all where there are too few to tell, or all are equal.

    Args:
        deltas: [updates, values] float32, finite.
    """
    cosines = _cosines(deltas)
    if len(deltas) < _FEWEST or (cosines > 1 - _SLIVER).all():
        return np.ones(len(deltas))
    believed = _guess(cosines)
    for _ in range(_TURNS):
        apart = believed / _alike(cosines, believed)
        support = _support(cosines, apart)
        level = max(_weighted_median(support, apart), _LEAST)
        believed = np.clip((support / level - _NONE) / (_ALL - _NONE), 0.0, 1.0)
    return believed / _alike(cosines, believed)


def _cosines(deltas: Array) -> Matrix:
    """Return the cosines of all pairs, [updates, updates]; 0 for deltas of zeros."""
    norms = np.sqrt(np.einsum("uv,uv->u", deltas, deltas, dtype=np.float64))
    units = (deltas / np.where(norms > 0, norms, 1)[:, None]).astype(np.float32)
    return (units @ units.T).astype(np.float64)


def _guess(cosines: Matrix) -> Matrix:
    """Return each update's median cosine with the others, as a share of that of a well supported one."""
    others = cosines[~np.eye(len(cosines), dtype=bool)].reshape(len(cosines), -1)
    medians = np.median(others, axis=1)
    guess: Matrix = np.clip(medians / max(float(np.quantile(medians, 0.75)), _LEAST), 0.0, 1.0)
    return guess


def _alike(cosines: Matrix, believed: Matrix) -> Matrix:
    """Return of how many updates each is one that deviate alike from the common direction, itself included."""
    towards = cosines @ believed
    towards /= np.sqrt(max(float(believed @ towards), _LEAST))
    apart = np.sqrt(np.maximum(cosines.diagonal() - towards**2, _LEAST))
    residual = (cosines - np.outer(towards, towards)) / np.outer(apart, apart)
    alike: Matrix = np.square(residual.clip(0.0, 1.0)).sum(axis=1)
    return np.maximum(alike, 1.0)


def _support(cosines: Matrix, counted: Matrix) -> Matrix:
    """Return the cosine of each update with the mean of the others, in which they count as given."""
    own = cosines.diagonal()
    towards = cosines @ counted
    squared = counted @ towards - 2 * counted * towards + counted**2 * own
    support: Matrix = (towards - counted * own) / np.sqrt(np.maximum(squared, _LEAST))
    return support


def _weighted_median(values: Matrix, weights: Matrix) -> float:
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    return float(values[order][min(np.searchsorted(reached, reached[-1] / 2), len(values) - 1)])
