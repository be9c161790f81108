"""The operator goes back: an earlier prompt becomes a new version, which devices follow as they do every version.

Nothing that was learned since is undone but the prompt itself: updates that are under way, or wait in the buffer, count
by their staleness as in any other version. What the server's optimiser and the comparison of languages remember of the
way that was gone is forgotten, for the languages that go back.
"""

from collections.abc import Container, Mapping
from dataclasses import replace

from mfpt_coord.core.audit import Deed, shortened
from mfpt_coord.core.best import newly_best
from mfpt_coord.core.effects import Log, PublishPrompt, PublishState, SaveDeed, SaveRollback, Step
from mfpt_coord.core.events import RolledBack
from mfpt_coord.core.related import news
from mfpt_coord.core.standing import Standing
from mfpt_coord.core.state import State
from mfpt_coord.core.status import accuracies
from mfpt_shared.languages import LanguageCode
from mfpt_shared.tensors import Array


def roll_back(state: State, event: RolledBack) -> Step:
    """Return the state with a new version, in which some languages have earlier prompts, and the others the same."""
    back = {language: one for language, one in event.prompts.items() if language in state.prompts}
    if not back:
        return state, []
    best = newly_best(state)
    after = replace(
        state,
        version=state.version + 1,
        prompts={**state.prompts, **{language: vector for language, (_, vector) in back.items()}},
        moments=_without(state.moments, back),
        directions=_without(state.directions, back),
        best={**state.best, **best},
        # The operator asked for so many versions that learn something.
        last_version=None if state.last_version is None else state.last_version + 1,
    )
    sources = {language: version for language, (version, _) in back.items()}
    words = ", ".join(f"{language} to version {version}" for language, version in sorted(sources.items()))
    accuracy = accuracies(after)
    standings = {one: Standing(accuracy.get(one), after.kept.get(one), {}) for one in after.prompts}
    after = replace(after, standings=standings)
    saved = SaveRollback(after.version, event.at, after.prompts, sources, standings, best)
    detail = shortened(f"as version {after.version}: {words}")
    noted = SaveDeed(Deed(event.at, event.by, "rollback", detail=detail))
    told = Log(f"version {after.version} goes back: {words}")
    return after, [saved, noted, *map(PublishPrompt, after.prompts), told, PublishState(), *news(state, after)]


def _without(known: Mapping[LanguageCode, Array], gone: Container[LanguageCode]) -> dict[LanguageCode, Array]:
    return {language: part for language, part in known.items() if language not in gone}
