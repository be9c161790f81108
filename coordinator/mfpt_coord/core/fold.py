"""A buffer becomes a version: weights, combination, optimiser, and what the fold shows about the languages."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mfpt_coord.core import optimiser
from mfpt_coord.core.bounds import bounded
from mfpt_coord.core.combine import combine, credible, parts
from mfpt_coord.core.consensus import usual_shares
from mfpt_coord.core.effects import Log, PublishPrompt, PublishState, SaveFold, Step
from mfpt_coord.core.evidence import added, compare
from mfpt_coord.core.own_shares import newest_shares
from mfpt_coord.core.relations import Comparison, OwnShare, Pair, Relations, Speaker
from mfpt_coord.core.shares import counted_examples
from mfpt_coord.core.state import Client, State
from mfpt_coord.core.status import accuracies
from mfpt_coord.core.taking_part import counting
from mfpt_coord.core.weights import example_counts, fold_weights
from mfpt_shared.languages import LanguageCode
from mfpt_shared.tensors import Array


def fold(state: State, at: float) -> Step:
    """Return the state with the next version of every language's prompt and an empty buffer."""
    plan, buffer, version = state.plan.aggregation, state.buffer, state.version + 1
    targets = list(state.prompts)
    deltas = np.stack([bounded(update.delta, state.plan.privacy) for update in buffer])
    active, counted = _counted(state)
    relations = counting(state)
    weights = fold_weights(targets, buffer, active, relations, plan, [counted[one.client] for one in buffer])
    before = np.stack([state.prompts[target] for target in targets])
    kinds = parts(state.layout)
    folded, moments = optimiser.apply(before, combine(weights, deltas, plan, kinds), _moments(state, targets), plan)
    prompts = dict(zip(targets, folded, strict=True))
    remembered = dict(zip(targets, moments, strict=True)) if optimiser.moment_count(plan) else {}
    taught = _taught(state, relations, deltas, active, counted)
    contributed = dict(state.contributed)
    for update in buffer:
        contributed[update.language] = contributed.get(update.language, 0) + update.header.examples
    after = replace(
        state,
        version=version,
        prompts=prompts,
        contributed=contributed,
        buffer=(),
        clients=_folded(state),
        moments=remembered,
        directions={**state.directions, **taught.directions},
        relations=added(state.relations, taught.comparisons, taught.shares),
    )
    after = replace(after, usual=usual_shares(counting(after).shares))
    updates = [(update.client, update.header.sequence) for update in buffer]
    saved = SaveFold(version, at, weights, prompts, updates, remembered, *taught)
    number = "1 update" if len(buffer) == 1 else f"{len(buffer)} updates"
    made = Log(f"version {version} from {number}: {_scores(after)}")
    return after, [saved, *map(PublishPrompt, targets), made, PublishState()]


class _Taught(NamedTuple):
    """What a fold shows about the languages, as in `SaveFold`."""

    directions: dict[LanguageCode, Array]
    comparisons: dict[Pair, Comparison]
    shares: dict[Speaker, OwnShare]


def _taught(
    state: State,
    relations: Relations,
    deltas: Array,
    active: Mapping[LanguageCode, Sequence[float]],
    counted: Mapping[str, float],
) -> _Taught:
    plan = state.plan.aggregation
    known = [(update, counted[update.client]) for update in state.buffer if _is_folded(state, update.client)]
    shares = newest_shares(known, example_counts(active, plan), relations, plan)
    if plan.proximity not in ("auto", "observed"):
        return _Taught({}, {}, shares)
    believed = zip(state.buffer, credible(deltas, plan, parts(state.layout)), strict=True)
    shown = [replace(update, delta=delta) for update, delta in believed]
    return _Taught(*compare(shown, state.directions, relations), shares)


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


def _folded(state: State) -> dict[str, Client]:
    """Return the devices, with the updates of the buffer among those that went into a version."""
    clients = dict(state.clients)
    for update in state.buffer:
        client = clients.get(update.client) or Client(update.client, update.language)
        clients[update.client] = replace(client, folded=client.folded + 1)
    return clients


def _counted(state: State) -> tuple[dict[LanguageCode, list[float]], dict[str, float]]:
    """Return the examples that devices count with which are online or have an update in the buffer.

    Returns:
        Language -> those of each of its devices, and device -> its own.
    """
    online = {one.id: one for one in state.clients.values() if one.state == "online" and one.examples > 0}
    examples = {client: one.examples for client, one in online.items()}
    examples.update({update.client: update.header.examples for update in state.buffer})
    folded = {client: one.folded for client, one in state.clients.items()}
    counted = counted_examples(examples, folded, state.plan.aggregation)
    # What a device with an update in the buffer speaks is what the update says.
    spoken = {(update.client, update.language): None for update in state.buffer}
    quiet = online.keys() - {update.client for update in state.buffer}
    spoken |= {(client, one.language): None for client, one in online.items() if client in quiet}
    active: dict[LanguageCode, list[float]] = {}
    for client, language in spoken:
        active.setdefault(language, []).append(counted[client])
    return active, counted
