"""The fold: how much each update of a buffer moves each language's prompt, and a new language's first prompt.

The weights below times the updates' deltas, one matrix product for all languages, give the step. `combine` makes it
robust if the plan says so, and `optimiser` applies it.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mfpt_coord.core.proximity import proximities
from mfpt_coord.core.relations import Relations
from mfpt_coord.core.shares import Active
from mfpt_coord.core.staleness import freshness
from mfpt_coord.core.state import Contribution, Counted
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.plan import Aggregation
from mfpt_shared.tensors import Array


def fold_weights(
    targets: Sequence[LanguageCode],
    buffer: Sequence[Contribution],
    active: Mapping[LanguageCode, Active],
    relations: Relations,
    plan: Aggregation,
    counted: Sequence[float] | None = None,
) -> NDArray[np.float64]:
    """Return how much each update of a buffer moves each language's prompt.

    With n_k examples, staleness tau_k and language j_k of update k, for target language l:

        W_lk = x^c * n_k^p * s(tau_k) * g(l, j_k) / (gbar_l * sum_k n_k^p)

    gbar_l is the mean of g(l, .) over the active languages, weighted by their examples. Dividing by it and by the
    unweighted examples, not by the sum of the weights, keeps two effects: stale updates move prompts less, and a buffer
    from distant languages only moves a prompt less than one from its neighbours. A row that would add up to more than 1
    if all updates were fresh is scaled down to 1.

    x is the share of the active devices' examples that the buffer holds. The mean of few devices is a noisy step: with
    c = 1 every update counts as it would in one fold of all devices, with c = 0 every fold makes a full step.

    Args:
        targets: Languages l whose prompts move.
        buffer: Updates k.
        active: Language -> what its active devices count with.
        relations: Relations between the languages.
        plan: Gives c, p, s and the kind of g.
        counted: Examples that each update counts with; None: as its device says.

    Returns:
        [targets, updates] float64, finite, in 0..1; above 0 for updates in the target's own language.
    """
    said = [update.header.examples for update in buffer] if counted is None else counted
    examples = np.array([example_weight(count, plan) for count in said], dtype=np.float64)
    fresh = np.array([freshness(update.staleness, plan) for update in buffer], dtype=np.float64)
    near_active = proximities(targets, list(active), relations, example_counts(active, plan), plan)
    languages = list(active)
    near = near_active[:, [languages.index(update.language) for update in buffer]]
    return _weights(near, examples, near_active, active, plan) * fresh


def cohort_weights(
    targets: Sequence[LanguageCode],
    cohorts: Sequence[Sequence[Counted]],
    active: Mapping[LanguageCode, Active],
    relations: Relations,
    plan: Aggregation,
    counted: Mapping[str, float],
) -> NDArray[np.float64]:
    """Return how much the mean of each cohort moves each language's prompt, as `fold_weights` does for updates.

    A cohort weighs as much as its survivors would together, and is as near to a language as they are on average. What
    they count for their staleness is in their sum already.

    Args:
        targets: Languages l whose prompts move.
        cohorts: Survivors of each cohort.
        active: Language -> what its active devices count with.
        relations: Relations between the languages.
        plan: Gives c, p and the kind of g.
        counted: Device -> examples that it counts with.

    Returns:
        [targets, cohorts] float64, in 0..1.
    """
    near_active = proximities(targets, list(active), relations, example_counts(active, plan), plan)
    place = {language: column for column, language in enumerate(active)}
    means = [near_active[:, [place[one.language] for one in cohort]].mean(axis=1) for cohort in cohorts]
    examples = [sum(example_weight(counted[one.client], plan) for one in cohort) for cohort in cohorts]
    return _weights(np.stack(means, axis=1), np.array(examples), near_active, active, plan)


def _weights(
    near: NDArray[np.float64],
    examples: NDArray[np.float64],
    near_active: NDArray[np.float64],
    active: Mapping[LanguageCode, Active],
    plan: Aggregation,
) -> NDArray[np.float64]:
    """Return the weights that fresh updates would have.

    Args:
        near: g, [targets, updates].
        examples: n^p, [updates].
        near_active: g, [targets, languages].
        active: Language -> what its active devices count with.
        plan: Gives c and p.
    """
    share = np.array([_added_up(devices, plan, plan.example_exponent) for devices in active.values()])
    mean_near = near_active @ (share / share.sum())
    if_fresh = near * (examples / examples.sum()) / mean_near[:, None]
    # If only near languages contributed, rows add up to more than 1, and the prompt would overshoot the updates' mean.
    # They are bounded before staleness comes in, which must not be normalised away.
    overshoot = np.maximum(if_fresh.sum(axis=1, keepdims=True), 1.0)
    covered = min(1.0, float(examples.sum() / share.sum()))
    weights: NDArray[np.float64] = covered**plan.cover_exponent * if_fresh / overshoot
    return weights


def example_counts(active: Mapping[LanguageCode, Active], plan: Aggregation) -> dict[LanguageCode, float]:
    """Return the examples of every language, counting at most `max_examples` for each device."""
    return {language: _added_up(devices, plan, 1.0) for language, devices in active.items()}


def example_weight(examples: float, plan: Aggregation) -> float:
    """Return n^p, with n between 1 and the plan's `max_examples`, so that no claim can outweigh everybody else."""
    return _added_up(Active.of([examples]), plan, plan.example_exponent)


def _added_up(active: Active, plan: Aggregation, exponent: float) -> float:
    """Return the sum of n^exponent, with n as in `example_weight`."""
    examples = np.clip(active.examples, 1, plan.max_examples)
    return float((examples**exponent * active.devices).sum())


def mixture(
    target: LanguageCode,
    prompts: Mapping[LanguageCode, Array],
    sources: Mapping[LanguageCode, float],
    relations: Relations,
    plan: Aggregation,
) -> Array:
    """Return the first prompt of a language that joins late: a mean in which near languages count more.

    Only languages that have contributed count. Before the first contribution, every prompt is still the initial one.

    Args:
        target: Language that joins.
        prompts: Language -> flat prompt, with `und` among them.
        sources: Language that has contributed -> examples of its devices.
        relations: Relations between the languages.
        plan: Gives the kind of g.
    """
    if not sources:
        return prompts[UNDETERMINED]
    near = proximities([target], list(sources), relations, sources, plan)[0]
    stacked = np.stack([prompts[source] for source in sources])
    mixed: Array = ((near / near.sum()) @ stacked).astype(np.float32)
    return mixed
