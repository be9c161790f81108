"""A buffer becomes a version: weights, combination, optimiser, and what the fold shows about the languages."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mfpt_coord.core import optimiser
from mfpt_coord.core.active import active_examples
from mfpt_coord.core.best import newly_best
from mfpt_coord.core.bounds import bounded
from mfpt_coord.core.client import Client
from mfpt_coord.core.clients import Clients
from mfpt_coord.core.combine import combine, credible, parts
from mfpt_coord.core.consensus import kept_by_language, usual_shares
from mfpt_coord.core.effects import Log, PublishPrompt, PublishState, SaveFold, Step
from mfpt_coord.core.evidence import added, compare
from mfpt_coord.core.own_shares import newest_shares
from mfpt_coord.core.related import news
from mfpt_coord.core.relations import COHORT, Comparison, OwnShare, Pair, Speaker
from mfpt_coord.core.shares import Active
from mfpt_coord.core.standings import standings
from mfpt_coord.core.state import Contribution, Counted, State
from mfpt_coord.core.status import accuracies
from mfpt_coord.core.taking_part import counted_shares
from mfpt_coord.core.weights import cohort_weights, example_counts, fold_weights
from mfpt_shared.languages import LanguageCode
from mfpt_shared.tensors import Array


def fold(state: State, at: float) -> Step:
    """Return the state with the next version of every language's prompt and an empty buffer."""
    plan, buffer, version = state.plan.aggregation, state.buffer, state.version + 1
    updates = [update for contribution in buffer for update in contribution.updates]
    targets = list(state.prompts)
    deltas = np.stack([bounded(contribution.delta, state.plan.privacy) for contribution in buffer])
    active, counted = active_examples(state, updates)
    weights = _weights(state, targets, active, counted)
    before = np.stack([state.prompts[target] for target in targets])
    kinds = parts(state.layout)
    folded, moments = optimiser.apply(before, combine(weights, deltas, plan, kinds), _moments(state, targets), plan)
    prompts = dict(zip(targets, folded, strict=True))
    remembered = dict(zip(targets, moments, strict=True)) if optimiser.moment_count(plan) else {}
    best = newly_best(state)
    taught = _taught(state, deltas, active, counted)
    contributed = dict(state.contributed)
    for update in updates:
        contributed[update.language] = contributed.get(update.language, 0) + update.examples
    after = replace(
        state,
        version=version,
        prompts=prompts,
        contributed=contributed,
        buffer=(),
        clients=_folded(state, updates),
        moments=remembered,
        best={**state.best, **best},
        directions={**state.directions, **taught.directions},
        relations=added(state.relations, taught.comparisons, counted_shares(state, taught.shares)),
    )
    shares = after.relations.shares
    after = replace(after, usual=usual_shares(shares), kept=kept_by_language(shares))
    numbers = [(update.client, update.sequence) for update in updates]
    shared_out = _shared_out(weights, buffer)
    after = replace(after, standings=standings(after, targets, shared_out, updates))
    saved = SaveFold(version, at, shared_out, prompts, numbers, remembered, after.standings, *taught, best)
    made = Log(f"version {version} from {_sources(buffer)}: {_scores(after)}")
    return after, [saved, *map(PublishPrompt, targets), made, PublishState(), *news(state, after)]


def _weights(
    state: State,
    targets: list[LanguageCode],
    active: Mapping[LanguageCode, Active],
    counted: Mapping[str, float],
) -> NDArray[np.float64]:
    """Return how much each contribution moves each language's prompt, [targets, contributions]."""
    plan, buffer = state.plan.aggregation, state.buffer
    if state.plan.privacy.is_masked:
        cohorts = [contribution.updates for contribution in buffer]
        return cohort_weights(targets, cohorts, active, state.relations, plan, counted)
    return fold_weights(targets, buffer, active, state.relations, plan, [counted[one.client] for one in buffer])


def _shared_out(weights: NDArray[np.float64], buffer: Sequence[Contribution]) -> NDArray[np.float64]:
    """Return the weight of each update: in a cohort all have the same, [targets, updates]."""
    numbers = [len(contribution.updates) for contribution in buffer]
    return np.repeat(weights / numbers, numbers, axis=1)


def _sources(buffer: Sequence[Contribution]) -> str:
    number = sum(len(contribution.updates) for contribution in buffer)
    updates = "1 update" if number == 1 else f"{number} updates"
    cohorts = sum(bool(contribution.survivors) for contribution in buffer)
    return f"{updates} in {cohorts} cohort{'s' if cohorts > 1 else ''}" if cohorts else updates


class _Taught(NamedTuple):
    """What a fold shows about the languages, as in `SaveFold`."""

    directions: dict[LanguageCode, Array]
    comparisons: dict[Pair, Comparison]
    shares: dict[Speaker, OwnShare]


def _taught(
    state: State,
    deltas: Array,
    active: Mapping[LanguageCode, Active],
    counted: Mapping[str, float],
) -> _Taught:
    """Return what a fold shows. A cohort of several languages shows nothing about any of them."""
    plan = state.plan.aggregation
    known = [
        (_speaking(one), sum(counted[update.client] for update in one.updates) / len(one.updates))
        for one in state.buffer
        if _is_of_one(one) and all(_is_folded(state, update.client) for update in one.updates)
    ]
    shares = newest_shares(known, example_counts(active, plan), state.relations, plan)
    if plan.proximity not in ("auto", "observed"):
        return _Taught({}, {}, shares)
    believed = zip(state.buffer, credible(deltas, plan, parts(state.layout)), strict=True)
    shown = [replace(one, delta=delta) for one, delta in believed if _is_of_one(one)]
    return _Taught(*compare(shown, state.directions, state.relations), shares)


def _is_of_one(contribution: Contribution) -> bool:
    """Tell whether a contribution is of one language."""
    return len({update.language for update in contribution.updates}) == 1


def _speaking(contribution: Contribution) -> Contribution:
    """Return a contribution as of one device: a cohort speaks for all devices of its language, whoever is in it."""
    return replace(contribution, client=COHORT) if contribution.survivors else contribution


def _is_folded(state: State, client: str) -> bool:
    """Tell whether a version has something of a device."""
    return client in state.clients and state.clients[client].folded > 0


def _scores(state: State) -> str:
    known = [f"{language} {accuracy:.3f}" for language, accuracy in accuracies(state).items()]
    return "accuracy on held-out examples " + ", ".join(known) if known else "no accuracies yet"


def _moments(state: State, targets: list[LanguageCode]) -> Array:
    """Return the optimiser's memory, [targets, moments, values]; zeros for new languages."""
    shape = (optimiser.moment_count(state.plan.aggregation), next(iter(state.prompts.values())).size)
    known: Mapping[LanguageCode, Array] = state.moments
    return np.stack([known.get(target, np.zeros(shape, np.float32)) for target in targets])


def _folded(state: State, updates: Sequence[Counted]) -> Clients:
    """Return the devices, with these updates among those that went into a version."""
    clients = state.clients
    for update in updates:
        client = clients.get(update.client) or Client(update.client, update.language)
        clients = clients.plus(replace(client, folded=client.folded + 1))
    return clients
