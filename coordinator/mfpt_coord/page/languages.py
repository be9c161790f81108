"""Languages as the page shows them: whether each is better for the federation, and from which others it learns."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, get_args

import msgspec

from mfpt_coord.core.alarms import LEAST_DROP, worst_drop
from mfpt_coord.core.standing import Best
from mfpt_coord.core.state import State
from mfpt_coord.core.tally import Tally
from mfpt_coord.page.listing import Asked, Listed, found, listed
from mfpt_coord.page.names import Names
from mfpt_coord.page.past import Past
from mfpt_shared.languages import UNDETERMINED, LanguageCode

Verdict = Literal["worse", "same", "better", "new", "unmeasured"]
"""worse: less accurate than its best version, by more than chance explains; better: more accurate than when it was
first measured; same: neither; new: measured but once; unmeasured: nobody has told an accuracy."""
VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)
SPARK_POINTS: Final = 32
"""Points of the small curve of each language in a list."""
MOST_HELPERS: Final = 4
_NONE: Final = Tally()


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A language with its English name; empty: it is not known."""

    language: str
    name: str


class Helper(Named, frozen=True, kw_only=True):
    """A language that moves another one's prompt, and its share of what moves it, or its part in a step, 0 to 1."""

    part: float


class LanguageRow(msgspec.Struct, frozen=True, kw_only=True):
    """One language; shares and accuracies are 0 to 1, and None where nobody has told them.

    Attributes:
        examples: Training examples that its devices hold.
        contributed: Training examples behind all its updates.
        accuracy: Newest accuracy on held-out examples.
        first: The first one that was told.
        best: That of its best version.
        own_share: How much of their own its devices keep, the median.
        spark: Accuracies from version to version, thinned out.
        helpers: The languages that it learned most from lately, itself among them.
    """

    language: str
    name: str
    verdict: Verdict
    devices: int
    examples: int
    contributed: int
    accuracy: float | None
    first: float | None
    best: float | None
    best_version: int | None
    own_share: float | None
    spark: list[float]
    helpers: list[Helper]


def verdict(accuracy: float | None, first: float | None, best: Best | None, measured: int) -> Verdict:
    """Say whether a language is better for the federation.

    Args:
        accuracy: Newest accuracy, 0 to 1.
        first: The first one that was told.
        best: Its best version.
        measured: Number of versions at which its accuracy was known.
    """
    if accuracy is None:
        return "unmeasured"
    if best is not None and best.accuracy - accuracy > worst_drop(best.accuracy, best.examples):
        return "worse"
    if first is None or measured < 2:
        return "new"
    return "better" if accuracy - first > LEAST_DROP else "same"


class LanguageView:
    """All languages as of one state."""

    def __init__(self, state: State, past: Past, names: Names) -> None:
        """Look at a state, and at the history up to it."""
        self._state, self._past, self._names = state, past, names
        known = {*state.clients.indices.by_language, *past.languages, *state.prompts}
        self.languages = sorted(known - {UNDETERMINED})
        names.learn(self.languages)
        self._rows = {language: self._row(language) for language in self.languages}

    def row(self, language: LanguageCode) -> LanguageRow | None:
        """Return one language; None: it is not known here."""
        return self._rows.get(language)

    def verdicts(self) -> dict[Verdict, int]:
        """Return how many languages there are of each verdict."""
        said = [row.verdict for row in self._rows.values()]
        return {one: said.count(one) for one in VERDICTS}

    def listed(self, asked: Asked) -> Listed[LanguageRow]:
        """Return a page of languages."""
        rows = [row for row in self._rows.values() if asked.only in ("", row.verdict)]
        rows = found(rows, asked.search, lambda row: (row.language, row.name))
        return listed(sorted(rows, key=_ORDERS.get(asked.sort, _ORDERS["verdict"])), asked)

    def helped(self, language: LanguageCode) -> list[Helper]:
        """Return the languages that learned from this one lately, those first that learned most."""
        parts = {other: weights.get(language, 0.0) for other, weights in self._past.weights.items()}
        return self._helpers({one: part for one, part in parts.items() if part and one not in (language, UNDETERMINED)})

    def helpers(self, language: LanguageCode) -> list[Helper]:
        """Return the languages that this one learned from lately, itself among them, the most first."""
        return self._helpers(self._past.weights.get(language, {}))

    def _row(self, language: LanguageCode) -> LanguageRow:
        state, past = self._state, self._past
        tally, best = state.clients.indices.by_language.get(language, _NONE), state.best.get(language)
        curve = [one.accuracy for one in past.points(language, SPARK_POINTS) if one.accuracy is not None]
        first = past.first(language)
        newest = tally.accuracy if tally.accuracy is not None else (curve[-1] if curve else None)
        started = None if first is None else first.accuracy
        return LanguageRow(
            language=language,
            name=self._names.of(language),
            verdict=verdict(newest, started, best, len(curve)),
            devices=tally.devices,
            examples=tally.examples,
            contributed=state.contributed.get(language, 0),
            accuracy=newest,
            first=started,
            best=None if best is None else best.accuracy,
            best_version=None if best is None else best.version,
            own_share=state.kept.get(language),
            spark=curve,
            helpers=self.helpers(language)[:MOST_HELPERS],
        )

    def _helpers(self, weights: Mapping[LanguageCode, float]) -> list[Helper]:
        self._names.learn(weights)
        return [
            Helper(language=one, name=self._names.of(one), part=part)
            for one, part in sorted(weights.items(), key=lambda pair: (-pair[1], pair[0]))
        ]


def _gain(row: LanguageRow) -> float:
    return 0.0 if row.accuracy is None or row.first is None else row.accuracy - row.first


_ORDERS: Final[dict[str, Callable[[LanguageRow], Any]]] = {
    "verdict": lambda row: (VERDICTS.index(row.verdict), _gain(row), row.language),
    "language": lambda row: row.language,
    "devices": lambda row: (-row.devices, row.language),
    "accuracy": lambda row: (row.accuracy is None, row.accuracy, row.language),
    "gain": lambda row: (row.accuracy is None, _gain(row), row.language),
    "own_share": lambda row: (row.own_share is None, -(row.own_share or 0.0), row.language),
    "examples": lambda row: (-row.examples, row.language),
}
