"""Which language helps which, as a table for the page: shares of what moved each lately, some languages at a time."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from mfpt_coord.page.languages import LanguageView, Named
from mfpt_coord.page.listing import Asked
from mfpt_coord.page.names import Names
from mfpt_coord.page.past import Past
from mfpt_shared.languages import LanguageCode

MOST_COLUMNS: Final = 40


class Learner(Named, frozen=True, kw_only=True):
    """A language, and how much of their own its devices keep, 0 to 1; None: nobody has told it."""

    own_share: float | None


class Heat(msgspec.Struct, frozen=True, kw_only=True):
    """A heat map of one page of languages.

    Attributes:
        rows: Languages that learn.
        columns: Languages that they learn from: those of the rows, in their order, then those that help most; forty.
        parts: Row -> column -> share of the column in what moved the row, 0 to 1; what is missing is next to nothing.
        others: Number of languages that help a little, and have no column.
        version: Newest version, the last of those that this is about.
    """

    version: int
    rows: list[Learner]
    columns: list[Named]
    parts: dict[str, dict[str, float]]
    others: int
    total: int
    page: int
    pages: int


def heat(view: LanguageView, past: Past, names: Names, asked: Asked) -> Heat:
    """Return the heat map of a page of languages."""
    page = view.listed(asked)
    sums = Counter[LanguageCode]()
    for row in page.rows:
        sums.update(past.weights.get(LanguageCode(row.language), {}))
    learners = [LanguageCode(row.language) for row in page.rows]
    # In the order of the rows first, so that what languages make of themselves is a diagonal.
    ordered = [*(one for one in learners if one in sums), *_most_first(sums.keys() - set(learners), sums)]
    columns = ordered[:MOST_COLUMNS]
    names.learn(columns)
    shown = set(columns)
    return Heat(
        version=past.version,
        rows=[Learner(language=row.language, name=row.name, own_share=row.own_share) for row in page.rows],
        columns=[Named(language=one, name=names.of(one)) for one in columns],
        parts={
            row.language: {
                one: part for one, part in past.weights.get(LanguageCode(row.language), {}).items() if one in shown
            }
            for row in page.rows
        },
        others=len(ordered) - len(columns),
        total=page.total,
        page=page.page,
        pages=page.pages,
    )


def _most_first(languages: Iterable[LanguageCode], sums: Mapping[LanguageCode, float]) -> list[LanguageCode]:
    return sorted(languages, key=lambda language: (-sums[language], language))
