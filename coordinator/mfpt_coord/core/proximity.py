"""What an update from one language is worth to another: g(target, source) in [0, 1], and 1 for a language itself.

    uniform    1
    fixed      exp(-distance / temperature), with distances from URIEL+ or the user's own file
    observed   exp(-difference / temperature), with the difference that the updates themselves show
    auto       the weights of least estimated error, below

*auto.* Let b_j be the bias that borrowing from language j brings to the target's prompt, n_j the examples of language
j, and take the variance of one example as the unit. A prompt that takes from the languages in shares w_j, adding up to
1, has the expected squared error

    (sum_j w_j b_j)^2  +  sum_j w_j^2 / n_j

which is least for w_j proportional to n_j (1 - t b_j)+, where t >= 0 is the one root of t = sum_j n_j b_j (1 - t b_j)+
(set the derivative of the Lagrangian to zero). So g(target, j) = (1 - t b_j)+. Where examples are few, t is small and
all languages count nearly alike; the more there are, the sharper the weights; b = 0 for a language itself.

The prior for b_j^2 is `distance_bias` x distance^2. Two observations correct it (`evidence`): how much the deltas of
two languages differ, compared with other pairs, corrects the distance; whether devices did better with the
federation's prompt or with their own corrects the factor.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mfpt_coord.core.relations import CUSTOM, UNKNOWN_DISTANCE, Distances, Judgement, Relations, pair
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.plan import Aggregation

Matrix = NDArray[np.float64]


# A prior distance counts as much as so many comparisons of deltas.
_PRIOR_COMPARISONS: Final = 5.0
# Of judgements: a standard error beyond chance multiplies the squared bias by e to this.
_ERROR_WEIGHT: Final = 0.5
_MOST_DISAGREEMENT: Final = 8.0
MOST_ERRORS: Final = _MOST_DISAGREEMENT / _ERROR_WEIGHT
"""Beyond chance, after which more of the same changes nothing."""
# exp underflows to zero for tiny temperatures, and zero would divide by zero where nobody else is active.
_LEAST: Final = 1e-12
_HALVINGS: Final = 100


def needs_distances(plan: Aggregation) -> bool:
    """Tell whether weights follow from distances at all."""
    return plan.proximity in ("auto", "fixed")


def distance(first: LanguageCode, second: LanguageCode, known: Distances, metrics: Sequence[str]) -> float:
    """Return the user's own distance of a pair, else the mean over those metrics that are known, in 0..1.

    UNKNOWN_DISTANCE if nothing is known.
    """
    if first == second:
        return 0.0
    metrics_of_pair = known.get(pair(first, second), {})
    if CUSTOM in metrics_of_pair:
        return metrics_of_pair[CUSTOM]
    values = [metrics_of_pair[metric] for metric in metrics if metric in metrics_of_pair]
    return sum(values) / len(values) if values else UNKNOWN_DISTANCE


def proximities(
    targets: Sequence[LanguageCode],
    sources: Sequence[LanguageCode],
    relations: Relations,
    examples: Mapping[LanguageCode, float],
    plan: Aggregation,
) -> Matrix:
    """Return g for all pairs.

    `und`, the prompt for languages not yet seen, listens to all alike.

    Args:
        targets: whose prompts are to be moved.
        sources: whose updates move them; languages may repeat.
        relations: between all of them.
        examples: language -> training examples, of every language that takes part; `auto` weighs bias against them.
        plan: the kind of proximity, and its parameters.

    Returns:
        [targets, sources] in [0, 1]; 1 where both are the same language.
    """
    # Each language once: updates of a buffer repeat theirs.
    columns = list(dict.fromkeys(sources))
    near = _of_languages(targets, columns, relations, examples, plan)
    for row, target in enumerate(targets):
        if target == UNDETERMINED:
            near[row] = 1.0
    place = {language: column for column, language in enumerate(columns)}
    return near[:, [place[source] for source in sources]]


def _of_languages(
    targets: Sequence[LanguageCode],
    sources: Sequence[LanguageCode],
    relations: Relations,
    examples: Mapping[LanguageCode, float],
    plan: Aggregation,
) -> Matrix:
    if plan.proximity == "uniform":
        return np.ones((len(targets), len(sources)))
    if plan.proximity == "fixed":
        return _decayed(_prior(targets, sources, relations, plan), plan.temperature)
    if plan.proximity == "observed":
        return _decayed(_corrected(targets, sources, relations, plan, prior=0.0), plan.temperature)
    pool = [language for language, count in examples.items() if count > 0]
    scale = np.sqrt([_squared_bias(target, relations, plan) for target in targets])[:, None]
    biases = scale * _corrected(targets, pool, relations, plan)
    roots = _roots(biases, np.array([examples[language] for language in pool]))
    return np.maximum(0.0, 1.0 - roots[:, None] * scale * _corrected(targets, sources, relations, plan))


def _decayed(distances: Matrix, temperature: float) -> Matrix:
    near: Matrix = np.maximum(np.exp(-distances / temperature), _LEAST)
    return near


def _prior(
    targets: Sequence[LanguageCode], sources: Sequence[LanguageCode], relations: Relations, plan: Aggregation
) -> Matrix:
    """Return the distances [targets, sources] that were known beforehand."""
    rows = [[distance(target, source, relations.distances, plan.metrics) for source in sources] for target in targets]
    return np.array(rows, dtype=np.float64).reshape(len(targets), len(sources))


def _corrected(
    targets: Sequence[LanguageCode],
    sources: Sequence[LanguageCode],
    relations: Relations,
    plan: Aggregation,
    prior: float = _PRIOR_COMPARISONS,
) -> Matrix:
    """Return distances [targets, sources] in 0..1, corrected by how much the deltas of the pairs differ.

    Differences 1 - cosine have no unit of their own; they are scaled so that over all compared pairs their mean is
    that of the known distances.
    """
    distances = _prior(targets, sources, relations, plan)
    compared = relations.comparisons
    if not compared:
        return distances
    mean_difference = max(float(np.mean([1 - seen.cosine for seen in compared.values()])), _LEAST)
    mean_distance = float(np.mean([distance(*two, relations.distances, plan.metrics) for two in compared]))
    for row, target in enumerate(targets):
        for column, source in enumerate(sources):
            seen = compared.get(pair(target, source))
            if seen is not None and target != source:
                difference = (1 - seen.cosine) / mean_difference * mean_distance
                known = prior * distances[row, column] + seen.times * difference
                distances[row, column] = min(1.0, known / (prior + seen.times))
    return distances


def disagreement(judgement: Judgement) -> float:
    """Return the natural logarithm of the factor by which a language's squared bias differs from the prior.

    Above 0 where own prompts did better than the federation's. Chance alone adds up to about the root of the number of
    judgements; only what goes beyond that counts.
    """
    beyond_chance = max(0.0, abs(judgement.errors) - math.sqrt(judgement.times))
    return math.copysign(min(_MOST_DISAGREEMENT, _ERROR_WEIGHT * beyond_chance), judgement.errors)


def _squared_bias(target: LanguageCode, relations: Relations, plan: Aggregation) -> float:
    """Return the squared bias at distance 1; what a language shows counts as much as what all show together."""
    shown = {language: disagreement(judgement) for language, judgement in relations.judgements.items()}
    if not shown:
        return plan.distance_bias
    common = sum(shown.values()) / len(shown)
    return plan.distance_bias * math.exp((shown.get(target, common) + common) / 2)


def _roots(biases: Matrix, examples: Matrix) -> Matrix:
    """Return t of every target: the root of t = sum_j n_j b_j (1 - t b_j)+, whose right side falls as t grows.

    Args:
        biases: b, [targets, languages].
        examples: n, [languages].
    """
    low = np.zeros(len(biases))
    high = biases @ examples
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        above = (biases * np.maximum(0.0, 1.0 - middle[:, None] * biases)) @ examples > middle
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return low
