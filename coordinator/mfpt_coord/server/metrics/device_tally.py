"""How many devices there are, by what they do and by language: one walk over them, and a bounded number of names."""

import heapq
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from mfpt_coord.core.client import Client
from mfpt_coord.core.state import State

MAX_LANGUAGES: Final = 50
"""Languages that are named; every name is kept by whatever reads it, once for each figure, for weeks."""
OTHER: Final = "other"


@dataclass(slots=True)
class LanguageTally:
    """The devices of a language, or of several.

    Attributes:
        devices: Number of devices.
        online: Number of those that are there.
        examples: Number of training examples behind their accepted updates.
    """

    devices: int = 0
    online: int = 0
    examples: int = 0
    _weighted: float = 0.0
    _weight: int = 0

    @property
    def accuracy(self) -> float | None:
        """Accuracy on held-out examples, 0 to 1: the devices' mean, by examples; None: no device has told one."""
        return self._weighted / self._weight if self._weight else None

    def add(self, client: Client, *, is_online: bool) -> None:
        """Count a device."""
        self.devices += 1
        self.online += is_online
        if client.accuracy is not None:
            weight = max(client.examples, 1)
            self._weighted += client.accuracy * weight
            self._weight += weight

    def add_all(self, other: "LanguageTally") -> None:
        """Count the devices of another language as well."""
        self.devices += other.devices
        self.online += other.online
        self.examples += other.examples
        self._weighted += other._weighted
        self._weight += other._weight


@dataclass(slots=True)
class DeviceTally:
    """What the devices of a federation do.

    Attributes:
        phases: Phase -> number of devices; `offline` for those that are not there.
        languages: Language -> its devices; those of the smallest ones under `other`.
        epsilon: The most that one of them says it has spent of its privacy budget; None: none has said it.
    """

    phases: Counter[str] = field(default_factory=Counter)
    languages: Mapping[str, LanguageTally] = field(default_factory=dict)
    epsilon: float | None = None


def tally(state: State, at: float) -> DeviceTally:
    """Count the devices of a state.

    Args:
        state: The state.
        at: Now, by the clock of the state's times.
    """
    phases, languages, spent = Counter[str](), dict[str, LanguageTally](), list[float]()
    for client in state.clients.values():
        is_online = client.is_online(at)
        phases[client.phase if is_online else "offline"] += 1
        languages.setdefault(client.language, LanguageTally()).add(client, is_online=is_online)
        if client.epsilon is not None:
            spent.append(client.epsilon)
    for language, examples in state.contributed.items():
        languages.setdefault(language, LanguageTally()).examples = examples
    return DeviceTally(phases, _bounded(languages), max(spent, default=None))


def _bounded(languages: Mapping[str, LanguageTally]) -> dict[str, LanguageTally]:
    """Return the languages with most devices, and all others as one."""
    named = heapq.nsmallest(MAX_LANGUAGES, languages, key=lambda language: (-languages[language].devices, language))
    bounded = {language: languages[language] for language in sorted(named)}
    if rest := languages.keys() - bounded.keys():
        bounded[OTHER] = LanguageTally()
        for language in rest:
            bounded[OTHER].add_all(languages[language])
    return bounded
