"""What a fold's updates show about how languages relate: the evidence with which `auto` corrects its prior.

*Deltas.* The deltas of a language are averaged over rounds, and its average is compared by cosine with the averages of
the others. Averages are far less noisy than single deltas, and the devices of one language train at different times.
Long averages count more: once prompts have converged, deltas are short and mostly noise.

*Own shares.* With every update, a device reports how much of its own it keeps beside the federated prompt that it was
given. If that is much, borrowing costs this language more than it gains, and its bias is estimated higher.
A device says this about itself, so it is kept by device, and what most devices of a language say counts (`proximity`).
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from mfpt_coord.core.proximity import MOST_ERRORS
from mfpt_coord.core.relations import Comparison, Judge, Judgement, Pair, Relations, pair
from mfpt_coord.core.state import Contribution
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import Metrics
from mfpt_shared.tensors import Array

Directions = Mapping[LanguageCode, Array]
"""Language -> moving average of its deltas, flat, [values] float32."""

# Weight of the newest deltas in the moving averages: deltas shrink and change direction as prompts converge.
_NEWEST_SHARE: Final = 0.3
# At most this much for one update, so that one device with many validation examples does not decide alone.
_MOST_ERRORS: Final = 3.0


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


def judge(buffer: Sequence[Contribution], relations: Relations) -> dict[Judge, Judgement]:
    """Return the new judgements of the devices that compared the federated prompt with their own."""
    changed: dict[Judge, Judgement] = {}
    for update in buffer:
        errors = _errors_in_favour_of_own(update.header.metrics)
        if errors is not None:
            of = (update.language, update.client)
            known = changed.get(of) or relations.judgements.get(of, Judgement(0.0, 0))
            # Bounded by what counts, or a device that changes would be noticed only after as long a time again.
            limit = MOST_ERRORS + math.sqrt(known.times + 1)
            total = max(-limit, min(limit, known.errors + errors))
            changed[of] = Judgement(total, known.times + 1)
    return changed


def added(
    relations: Relations, comparisons: Mapping[Pair, Comparison], judgements: Mapping[Judge, Judgement]
) -> Relations:
    """Return the relations with the changes of a fold."""
    return replace(
        relations,
        comparisons={**relations.comparisons, **comparisons},
        judgements={**relations.judgements, **judgements},
    )


def _errors_in_favour_of_own(metrics: Metrics) -> float | None:
    """Return in how far a device prefers its own to the federation's, in standard errors; None if it did not choose."""
    return None if metrics.own_share is None else _MOST_ERRORS * (2 * metrics.own_share - 1)


def _languages(buffer: Sequence[Contribution]) -> list[LanguageCode]:
    return list(dict.fromkeys(update.language for update in buffer))


def _averaged(language: LanguageCode, buffer: Sequence[Contribution], known: Array | None) -> Array:
    mean = np.mean([update.delta for update in buffer if update.language == language], axis=0, dtype=np.float32)
    if known is None:
        return np.asarray(mean, np.float32)
    averaged: Array = (_NEWEST_SHARE * mean + (1 - _NEWEST_SHARE) * known).astype(np.float32)
    return averaged
