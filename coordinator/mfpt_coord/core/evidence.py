"""What a fold's deltas show about how languages relate: the evidence with which `auto` corrects its distances.

The deltas of a language are averaged over rounds, and its average is compared by cosine with those of the others.
Averages are far less noisy than single deltas, and the devices of one language train at different times. Long averages
count more: once prompts have converged, deltas are short and mostly noise.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from mfpt_coord.core.relations import Comparison, OwnShare, Pair, Relations, Speaker, pair
from mfpt_coord.core.speakers import Shares
from mfpt_coord.core.state import Contribution
from mfpt_shared.languages import LanguageCode
from mfpt_shared.tensors import Array

Directions = Mapping[LanguageCode, Array]
"""Language -> moving average of its deltas, flat, [values] float32."""

# Weight of the newest deltas in the moving averages: deltas shrink and change direction as prompts converge.
_NEWEST_SHARE: Final = 0.3


def compare(
    buffer: Sequence[Contribution], directions: Directions, relations: Relations
) -> tuple[dict[LanguageCode, Array], dict[Pair, Comparison]]:
    """Return the new directions of the languages in a fold, and the new comparisons of their pairs."""
    changed = {language: _averaged(language, buffer, directions.get(language)) for language in _languages(buffer)}
    everybody = {**directions, **changed}
    lengths = {language: float(np.linalg.norm(direction)) for language, direction in everybody.items()}
    comparisons: dict[Pair, Comparison] = {}
    for language, other in itertools.product(changed, everybody):
        key = pair(language, other)
        if language == other or key in comparisons:
            continue
        weight = lengths[language] * lengths[other]
        if weight > 0:
            cosine = float(everybody[language] @ everybody[other]) / weight
            known = relations.comparisons.get(key, Comparison(0.0, 0, 0.0))
            total = known.weight + weight
            mean = known.cosine + (cosine - known.cosine) * weight / total
            # Rounding may give equal directions a cosine a little above 1, and 1 - cosine would be negative.
            comparisons[key] = Comparison(max(-1.0, min(1.0, mean)), known.times + 1, total)
    return changed, comparisons


def added(
    relations: Relations, comparisons: Mapping[Pair, Comparison], shares: Mapping[Speaker, OwnShare]
) -> Relations:
    """Return the relations with the changes of a fold."""
    return replace(
        relations,
        comparisons={**relations.comparisons, **comparisons},
        shares=Shares.of(relations.shares).plus(shares),
    )


def _languages(buffer: Sequence[Contribution]) -> list[LanguageCode]:
    return list(dict.fromkeys(update.language for update in buffer))


def _averaged(language: LanguageCode, buffer: Sequence[Contribution], known: Array | None) -> Array:
    mean = np.mean([update.delta for update in buffer if update.language == language], axis=0, dtype=np.float32)
    if known is None:
        return np.asarray(mean, np.float32)
    averaged: Array = (_NEWEST_SHARE * mean + (1 - _NEWEST_SHARE) * known).astype(np.float32)
    return averaged
