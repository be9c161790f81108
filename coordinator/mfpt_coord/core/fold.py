"""A buffer becomes a version: weights, combination, optimiser, and what the fold shows about the languages."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mfpt_coord.core import optimiser
from mfpt_coord.core.combine import combine, parts
from mfpt_coord.core.effects import Log, PublishPrompt, PublishState, SaveFold, Step
from mfpt_coord.core.evidence import added, compare, judge
from mfpt_coord.core.state import State
from mfpt_coord.core.status import accuracies
from mfpt_coord.core.weights import fold_weights
from mfpt_shared.languages import LanguageCode
from mfpt_shared.tensors import Array


def fold(state: State, at: float) -> Step:
    """Return the state with the next version of every language's prompt and an empty buffer."""
    plan, buffer, version = state.plan.aggregation, state.buffer, state.version + 1
    targets = list(state.prompts)
    deltas = np.stack([update.delta for update in buffer])
    weights = fold_weights(targets, buffer, active_examples(state), state.relations, plan)
    before = np.stack([state.prompts[target] for target in targets])
    folded, moments = optimiser.apply(before, combine(weights, deltas, plan, parts(state.layout)), _moments(state, targets), plan)
    prompts = dict(zip(targets, folded, strict=True))
    remembered = dict(zip(targets, moments, strict=True)) if optimiser.moment_count(plan) else {}
    learns = plan.proximity in ("auto", "observed")
    directions, comparisons = compare(buffer, state.directions, state.relations) if learns else ({}, {})
    judgements = judge(buffer, state.relations) if learns else {}
    contributed = dict(state.contributed)
    for update in buffer:
        contributed[update.language] = contributed.get(update.language, 0) + update.header.examples
    after = replace(
        state,
        version=version,
        prompts=prompts,
        contributed=contributed,
        buffer=(),
        moments=remembered,
        directions={**state.directions, **directions},
        relations=added(state.relations, comparisons, judgements),
    )
    updates = [(update.client, update.header.sequence) for update in buffer]
    saved = SaveFold(
        version, at, weights, prompts, updates, remembered, directions, comparisons, judgements
    )  # fmt: skip
    made = Log(f"version {version} from {len(buffer)} updates: {_scores(after)}")
    return after, [saved, *map(PublishPrompt, targets), made, PublishState()]


def _scores(state: State) -> str:
    known = [f"{language} {accuracy:.3f}" for language, accuracy in accuracies(state).items()]
    return "validation accuracy " + ", ".join(known) if known else "no accuracies yet"


def _moments(state: State, targets: list[LanguageCode]) -> Array:
    """Return the optimiser's memory, [targets, moments, values]; zeros for new languages."""
    shape = (optimiser.moment_count(state.plan.aggregation), next(iter(state.prompts.values())).size)
    known: Mapping[LanguageCode, Array] = state.moments
    return np.stack([known.get(target, np.zeros(shape, np.float32)) for target in targets])


def active_examples(state: State) -> dict[LanguageCode, list[int]]:
    """Return language -> examples of each of its devices that is online or has an update in the buffer."""
    examples = {update.client: (update.language, update.header.examples) for update in state.buffer}
    for client in state.clients.values():
        if client.state == "online" and client.examples > 0:
            examples.setdefault(client.id, (client.language, client.examples))
    active: dict[LanguageCode, list[int]] = {}
    for language, count in examples.values():
        active.setdefault(language, []).append(count)
    return active
