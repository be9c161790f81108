"""Is one method better than another? A paired test that assumes no distribution."""

from collections.abc import Sequence

import numpy as np

from mfpt_coord.simulate.experiment import Outcome
from mfpt_coord.simulate.summary import summarise
from mfpt_shared.languages import LanguageCode

Accuracies = Sequence[dict[LanguageCode, float]]
"""Language -> accuracy, a mapping for each seed."""

_DRAWS = 20_000


def differences(ours: Accuracies, theirs: Accuracies) -> list[float]:
    """Return a difference for each language: seeds share test sentences, and are averaged first."""
    mine, other = summarise(ours).per_language, summarise(theirs).per_language
    return [mine[tag] - other[tag] for tag in mine]


def run_differences(ours: Sequence[Outcome], theirs: Sequence[Outcome]) -> list[float]:
    """Return a difference for each language; one run for each seed on either side."""
    return differences([run.accuracy for run in ours], [run.accuracy for run in theirs])


def paired_test(pairs: Sequence[float], seed: int = 0) -> float:
    """Return the two-sided p-value of paired differences: how often random signs give a mean as far from 0.

    Source: Fisher's randomisation test, "The design of experiments", 1935, section 21.
    """
    values = np.asarray(pairs, np.float64)
    if not values.size or not values.any():
        return 1.0
    signs = np.random.default_rng(seed).choice((-1.0, 1.0), size=(_DRAWS, values.size))
    # A hair's breadth below, so that rounding hides no tie.
    as_far = np.abs(signs @ values) >= abs(values.sum()) * (1 - 1e-9)
    return float((as_far.sum() + 1) / (_DRAWS + 1))


def p_value(pairs: Sequence[float]) -> str:
    """Return the p-value of paired differences for a table."""
    found = paired_test(pairs)
    return f"{found:.4f}" if found >= 1e-4 else "< 0.0001"
