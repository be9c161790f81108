"""How much an update from one language is worth to another: g(target, source), in [0, 1]; 1 for a language itself.

    uniform    1
    fixed      exp(-distance / temperature), with distances from URIEL+ or the user's own file
    observed   exp(-difference / temperature), with the differences that the updates themselves show
    auto       the weights with the least estimated error, below

*auto.* Let b_j be the bias that borrowing from language j brings to the target's prompt, and n_j the number of examples
of language j; the unit is the variance of one example. A prompt that takes shares w_j, adding up to 1, from the
languages has the expected squared error

    (sum_j w_j b_j)^2  +  sum_j w_j^2 / n_j

which is least for w_j proportional to n_j (1 - t b_j)+, where t >= 0 is the only root of
t = sum_j n_j b_j (1 - t b_j)+ (set the derivative of the Lagrangian to zero). So g(target, j) = (1 - t b_j)+, and
b = 0 for a language itself. With few examples t is small, and all languages count nearly alike; the more examples there
are, the sharper the weights.

The prior for b_j^2 is `PRIOR_BIAS` x distance^2. Two observations correct it: how much the deltas of two languages
differ, compared with other pairs, corrects the distance (`evidence`); how much of their own most devices keep beside
the prompt that they are given corrects the factor (`own_shares`).
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mfpt_coord.core.consensus import disagreements
from mfpt_coord.core.relations import CUSTOM, UNKNOWN_DISTANCE, Distances, Relations, pair
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.plan import Aggregation

Matrix = NDArray[np.float64]


PRIOR_BIAS: Final = 0.001
"""First guess of the squared bias at distance 1, in variances of one example; what devices keep corrects it in a round
or two."""
# A prior distance counts as much as this many comparisons of deltas.
_PRIOR_COMPARISONS: Final = 5.0
# exp underflows to zero for tiny temperatures, which would divide by zero where nobody else is active.
_LEAST: Final = 1e-12


def needs_distances(plan: Aggregation) -> bool:
    """Tell whether weights depend on distances at all."""
    return plan.proximity in ("auto", "fixed")


def distance(first: LanguageCode, second: LanguageCode, known: Distances, metrics: Sequence[str]) -> float:
    """Return the user's own distance of a pair, else the mean over the metrics that are known, in 0..1.

    If nothing is known, this is UNKNOWN_DISTANCE.
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
    """Return g for all pairs; for `und`, the prompt for languages not yet seen, all languages count alike.

    Args:
        targets: Languages whose prompts are to be moved.
        sources: Languages whose updates move them; they may repeat.
        relations: Relations between all of them.
        examples: Language that takes part -> training examples, which `auto` weighs against bias.
        plan: Gives the kind of proximity and its parameters.

    Returns:
        [targets, sources] in [0, 1]; 1 where both are the same language.
    """
    # Each language once, however often a buffer repeats it.
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
    scale = np.sqrt(_squared_biases(targets, relations))[:, None]
    biases = scale * _corrected(targets, pool, relations, plan)
    roots = _roots(biases, np.array([examples[language] for language in pool]))[:, None]
    of_sources = biases if pool == list(sources) else scale * _corrected(targets, sources, relations, plan)
    return np.maximum(0.0, 1.0 - roots * of_sources)


def _decayed(distances: Matrix, temperature: float) -> Matrix:
    near: Matrix = np.maximum(np.exp(-distances / temperature), _LEAST)
    return near


def _prior(
    targets: Sequence[LanguageCode], sources: Sequence[LanguageCode], relations: Relations, plan: Aggregation
) -> Matrix:
    """Return the distances known beforehand, [targets, sources]."""
    rows = [[distance(target, source, relations.distances, plan.metrics) for source in sources] for target in targets]
    return np.array(rows, dtype=np.float64).reshape(len(targets), len(sources))


def _corrected(
    targets: Sequence[LanguageCode],
    sources: Sequence[LanguageCode],
    relations: Relations,
    plan: Aggregation,
    prior: float = _PRIOR_COMPARISONS,
) -> Matrix:
    """Return distances in 0..1, [targets, sources], corrected by how much the deltas of the pairs differ.

    The differences 1 - cosine have no unit of their own; they are scaled so that their mean over all compared pairs
    equals that of the known distances.
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


def _squared_biases(targets: Sequence[LanguageCode], relations: Relations) -> Matrix:
    """Return the squared bias at distance 1 of every target, [targets]."""
    shown = disagreements(relations.shares, targets)
    if shown is None:
        return np.full(len(targets), PRIOR_BIAS)
    return PRIOR_BIAS * np.exp([shown[target] for target in targets])


def _roots(biases: Matrix, examples: Matrix) -> Matrix:
    """Return t for every target: the root of t = sum_j n_j b_j (1 - t b_j)+, in closed form.

    The right side is the largest of the sums without (.)+ over the k languages of least bias, for k = 1, 2, ...: each
    is a line that falls with t. So t is the largest of the roots of these.

    Args:
        biases: b, [targets, languages].
        examples: n, [languages].
    """
    order = np.argsort(biases, axis=1)
    least = np.take_along_axis(biases, order, axis=1)
    slopes = examples[order] * least
    roots: Matrix = np.max(np.cumsum(slopes, axis=1) / (1 + np.cumsum(slopes * least, axis=1)), axis=1, initial=0.0)
    return roots
