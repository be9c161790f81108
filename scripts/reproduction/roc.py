"""How well scores tell members from others: the area under the curve (AUC), and its interval.

The AUC is the chance that a member scores higher than another: 1 where scores tell all apart, .5 where they tell
nothing.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reproduction.bootstrap import Interval, interval

Values = NDArray[np.float64]

_DRAWS: Final = 1000


class Stratum(NamedTuple):
    """Scores that may be compared with each other: those that one observation gives to candidates of one language.

    Attributes:
        members: [members].
        others: [others].
    """

    members: Values
    others: Values


def auc(stratum: Stratum) -> float:
    """Return the chance that a member scores higher than another; ties count half.

    Source: Hanley & McNeil 1982, "The meaning and use of the area under a receiver operating characteristic curve".
    """
    return float(_wins(stratum).mean())


def mean_auc(strata: Sequence[Stratum], *, draws: int = _DRAWS, seed: int = 0) -> Interval:
    """Return the mean AUC over strata and its 95 % interval.

    Strata are resampled, and members and others within each, so that the interval covers other devices as well as other
    candidates.

    Args:
        strata: At least one, with at least one member and one other each.
        draws: Number of resamples.
        seed: Of the resampling.

    Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993, sections 8.3 and 13.3.
    """
    rng = np.random.default_rng(seed)
    resampled = np.stack([_resampled(stratum, draws, rng) for stratum in strata])
    times = rng.multinomial(len(strata), np.full(len(strata), 1 / len(strata)), draws).T
    return interval(float(np.mean([auc(stratum) for stratum in strata])), (times * resampled).sum(axis=0) / len(strata))


def _wins(stratum: Stratum) -> Values:
    """Return [members, others]: 1 where the member scores higher, a half where they tie."""
    gaps = stratum.members[:, None] - stratum.others[None, :]
    wins: Values = (gaps > 0) + 0.5 * (gaps == 0)
    return wins


def _resampled(stratum: Stratum, draws: int, rng: np.random.Generator) -> Values:
    """Return the AUC on resamples of a stratum, [draws]."""
    members, others = (
        rng.multinomial(len(part), np.full(len(part), 1 / len(part)), draws) / len(part) for part in stratum
    )
    found: Values = ((members @ _wins(stratum)) * others).sum(axis=1)
    return found
