"""How each language stands at a version, for the history: accuracy, own share, and from which languages it learned."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mfpt_coord.core.standing import Standing
from mfpt_coord.core.state import Counted, State
from mfpt_coord.core.status import accuracies
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.status import MOST_HELPING

# A language learns from few others in earnest; a thousand languages need not keep a million numbers for each version.
_LEAST_PART: Final = 0.001


def standings(
    after: State, targets: Sequence[LanguageCode], weights: NDArray[np.float64], updates: Sequence[Counted]
) -> dict[LanguageCode, Standing]:
    """Return language -> how it stands.

    Args:
        after: The state with the new version.
        targets: Languages of the rows of `weights`.
        weights: Share of each update in each language's step, [targets, updates].
        updates: Updates of the columns of `weights`.
    """
    sources = sorted({update.language for update in updates})
    of_source = np.array([[update.language == source for source in sources] for update in updates], np.float64)
    parts = weights @ of_source
    accuracy, kept = accuracies(after), after.kept
    return {
        target: Standing(accuracy.get(target), kept.get(target), _largest(sources, row))
        for target, row in zip(targets, parts, strict=True)
    }


def _largest(sources: Sequence[LanguageCode], row: NDArray[np.float64]) -> dict[LanguageCode, float]:
    order = np.argsort(-row, kind="stable")[:MOST_HELPING]
    return {sources[place]: round(float(row[place]), 4) for place in order if row[place] >= _LEAST_PART}
