"""A language comes: it gets its first prompt, at once or when its distances to the others are known."""

from dataclasses import replace

from mfpt_coord.core.effects import Effect, LookUpDistances, PublishPrompt, SavePrompt, Step
from mfpt_coord.core.proximity import needs_distances
from mfpt_coord.core.shares import Active
from mfpt_coord.core.state import State
from mfpt_coord.core.weights import example_counts, mixture
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.tensors import Array


def welcome(state: State, language: LanguageCode) -> Step:
    """Give a new language a prompt: at once while all prompts are still equal, later once its distances are known."""
    if language in state.prompts or language in state.joining:
        return state, []
    others = frozenset([*state.prompts, *state.joining, language]) - {UNDETERMINED}
    look_up: list[Effect] = (
        [LookUpDistances(others)] if len(others) > 1 and needs_distances(state.plan.aggregation) else []
    )
    if look_up and state.version > 0:
        return replace(state, joining=state.joining | {language}), look_up
    first = first_prompt(language, state)
    welcomed = replace(state, prompts={**state.prompts, language: first})
    return welcomed, [SavePrompt(language, state.version, first), PublishPrompt(language), *look_up]


def first_prompt(language: LanguageCode, state: State) -> Array:
    """Return a language's first prompt: a mixture of the prompts of languages that have contributed."""
    plan = state.plan.aggregation
    known: dict[LanguageCode, list[int]] = {}
    for client in state.clients.values():  # once for each language
        # A language may have contributed while its own prompt still waits for distances.
        if client.language in state.prompts and state.contributed.get(client.language, 0) > 0:
            known.setdefault(client.language, []).append(client.examples)
    return mixture(
        language,
        state.prompts,
        example_counts({one: Active.of(counts) for one, counts in known.items()}, plan),
        state.relations,
        plan,
    )


def welcome_zero_shot(state: State) -> Step:
    """Give prompts to the languages that the plan names and no device speaks."""
    effects: list[Effect] = []
    for language in map(LanguageCode, state.plan.aggregation.zero_shot):
        state, more = welcome(state, language)
        effects += more
    return state, effects
