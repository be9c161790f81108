"""How many devices there are, by what they do and by language: under a bounded number of names."""

import heapq
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from mfpt_coord.core.state import State
from mfpt_coord.core.tally import Tally
from mfpt_shared.languages import LanguageCode

MAX_LANGUAGES: Final = 50
"""Languages that are named; every name is kept by whatever reads it, once for each figure, for weeks."""
OTHER: Final = "other"
_NONE: Final = Tally()


@dataclass(frozen=True, slots=True)
class LanguageTally:
    """The devices of a language, or of several.

    Attributes:
        devices: Number of devices.
        online: Number of those that are there.
        examples: Number of training examples behind their accepted updates.
        accuracy: Accuracy on held-out examples, 0 to 1: the devices' mean, by examples; None: no device has told one.
    """

    devices: int
    online: int
    examples: int
    accuracy: float | None


@dataclass(frozen=True, slots=True)
class DeviceTally:
    """What the devices of a federation do.

    Attributes:
        phases: Phase -> number of devices; `offline` for those that are not there.
        languages: Language -> its devices; those of the smallest ones under `other`.
        epsilon: The most that one of them says it has spent of its privacy budget; None: none has said it.
    """

    phases: Counter[str]
    languages: Mapping[str, LanguageTally]
    epsilon: float | None


def tally(state: State, at: float) -> DeviceTally:
    """Count the devices of a state, in one walk over them.

    Args:
        state: The state.
        at: Now, by the clock of the state's times.
    """
    phases, online, spent = Counter[str](), Counter[LanguageCode](), list[float]()
    for client in state.clients.values():
        is_online = client.is_online(at)
        phases[client.phase if is_online else "offline"] += 1
        online[client.language] += is_online
        if client.epsilon is not None:
            spent.append(client.epsilon)
    return DeviceTally(phases, _languages(state, online), max(spent, default=None))


def _languages(state: State, online: Counter[LanguageCode]) -> dict[str, LanguageTally]:
    """Return the languages with most devices, and all others as one."""
    sums = state.clients.indices.by_language
    known = {*sums, *state.contributed}
    named = heapq.nsmallest(MAX_LANGUAGES, known, key=lambda language: (-sums.get(language, _NONE).devices, language))
    tallies = {str(language): _together(state, online, [language]) for language in sorted(named)}
    if rest := known.difference(named):
        tallies[OTHER] = _together(state, online, rest)
    return tallies


def _together(state: State, online: Counter[LanguageCode], languages: Collection[LanguageCode]) -> LanguageTally:
    """Return what the devices of some languages are together."""
    sums = _NONE
    for language in languages:
        sums = sums.plus(state.clients.indices.by_language.get(language, _NONE))
    examples = sum(state.contributed.get(language, 0) for language in languages)
    return LanguageTally(sums.devices, sum(online[language] for language in languages), examples, sums.accuracy)
