"""What the page remembers of the history: every language from version to version, read once and kept up to date."""

import json
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from mfpt_coord.server.stored_rows import Rows
from mfpt_shared.languages import UNDETERMINED, LanguageCode

UNKNOWN: Final = -1.0
"""Stands in an array for what nobody has told."""

_LINES: Final = """
SELECT version, language, at, accuracy, own_share, source FROM history WHERE version > ? ORDER BY version, language
"""
_RECENT: Final = "SELECT language, weights FROM history WHERE version > ?"
RECENT: Final = 10
"""Number of the newest versions of which it is told what moved a language: in a single one, few may have."""


class Point(NamedTuple):
    """How a language stood at a version: the version, when it was made (Unix seconds), and shares in 0..1 or None."""

    version: int
    at: float
    accuracy: float | None
    own_share: float | None


@dataclass(slots=True)
class _Line:
    versions: "array[int]" = field(default_factory=lambda: array("q"))
    at: "array[float]" = field(default_factory=lambda: array("d"))
    accuracy: "array[float]" = field(default_factory=lambda: array("f"))
    own_share: "array[float]" = field(default_factory=lambda: array("f"))
    sources: dict[int, int] = field(default_factory=dict)


class Past:
    """The history of all languages.

    Attributes:
        version: Newest version that it holds; -1: it holds none.
        newest: When that was made, Unix seconds; None: it holds none.
        weights: Language -> language -> its share of what moved the first one's prompt in the newest versions, 0 to 1.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.version = -1
        self.newest: float | None = None
        self.weights: Mapping[LanguageCode, Mapping[LanguageCode, float]] = {}
        self._lines: dict[LanguageCode, _Line] = {}

    def catch_up(self, rows: Rows) -> None:
        """Read what has come since. Call it from one thread at a time."""
        newest = self.version
        for version, language, at, accuracy, own_share, source in rows.execute(_LINES, (self.version,)):
            line = self._lines.setdefault(LanguageCode(language), _Line())
            line.versions.append(version)
            line.at.append(at)
            line.accuracy.append(UNKNOWN if accuracy is None else accuracy)
            line.own_share.append(UNKNOWN if own_share is None else own_share)
            if source is not None:
                line.sources[version] = source
            newest, self.newest = version, at
        if newest > self.version:
            self.weights = _shares(rows.execute(_RECENT, (newest - RECENT,)).fetchall())
            self.version = newest

    @property
    def languages(self) -> list[LanguageCode]:
        """The languages that have a history, without the prompt of languages that no device speaks."""
        return sorted(language for language in self._lines if language != UNDETERMINED)

    def points(self, language: LanguageCode, most: int) -> list[Point]:
        """Return a language's points in rising order: at most so many, evenly spread, the newest among them."""
        line = self._lines.get(language)
        if line is None:
            return []
        last = len(line.versions) - 1
        step = max(1, -(-(last + 1) // most))
        return [self._point(line, place) for place in range(last % step, last + 1, step)]

    def first(self, language: LanguageCode) -> Point | None:
        """Return the first point at which a language's accuracy was known."""
        line = self._lines.get(language)
        known = () if line is None else (place for place, told in enumerate(line.accuracy) if told != UNKNOWN)
        place = next(iter(known), None)
        return None if line is None or place is None else self._point(line, place)

    def went_back(self, language: LanguageCode) -> dict[int, int]:
        """Return version -> earlier version that the operator went back to there."""
        line = self._lines.get(language)
        return {} if line is None else dict(line.sources)

    @staticmethod
    def _point(line: _Line, place: int) -> Point:
        accuracy, share = line.accuracy[place], line.own_share[place]
        return Point(
            line.versions[place],
            line.at[place],
            None if accuracy == UNKNOWN else round(accuracy, 5),
            None if share == UNKNOWN else round(share, 5),
        )


def _shares(found: Iterable[tuple[LanguageCode, str]]) -> dict[LanguageCode, dict[LanguageCode, float]]:
    """Return language -> language -> its share of all parts in the first one's steps."""
    sums: dict[LanguageCode, Counter[LanguageCode]] = {}
    for language, weights in found:
        sums.setdefault(language, Counter()).update(json.loads(weights))
    return {
        language: {source: round(part / total, 4) for source, part in parts.items()}
        for language, parts in sums.items()
        if (total := sum(parts.values())) > 0
    }
