"""From whom a language learns, for its devices."""

from collections.abc import Sequence

from mfpt_coord.core.effects import Effect, PublishRelations
from mfpt_coord.core.state import State
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.protocol.messages import LanguageRelations


def relations_of(state: State, language: LanguageCode) -> LanguageRelations:
    """Return what is published of a language that has stood in a version, in numbers as exact as people read them."""
    standing = state.standings[language]
    return LanguageRelations(
        version=state.version,
        language=language,
        helped_by={source: round(part, 3) for source, part in standing.weights.items()},
        own_share=None if standing.own_share is None else round(standing.own_share, 3),
        accuracy=None if standing.accuracy is None else round(standing.accuracy, 3),
    )


def languages_with_relations(state: State) -> Sequence[LanguageCode]:
    """Return the languages of which something is published."""
    return [language for language in state.standings if language != UNDETERMINED]


def news(before: State, after: State) -> list[Effect]:
    """Return what is to be published after a new version: the languages of which something has changed."""
    known = set(languages_with_relations(before))
    return [
        PublishRelations(language)
        for language in languages_with_relations(after)
        if language not in known or before.standings[language] != after.standings[language]
    ]
