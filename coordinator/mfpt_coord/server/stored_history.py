"""What the coordinator's database knows of every version: how each language stood, and from which it learned."""

import json
from pathlib import Path

import msgspec

from mfpt_coord.core.standing import Best
from mfpt_coord.server.stored_reading import read_rows
from mfpt_coord.server.stored_rows import Rows
from mfpt_coord.server.stored_state import best_versions
from mfpt_shared.errors import Damaged
from mfpt_shared.languages import LanguageCode


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """How a language stood at a version.

    Attributes:
        version: The version.
        language: Its language; `und` for the prompt of languages that no device speaks.
        at: When it was made, Unix seconds.
        accuracy: Newest accuracy on held-out examples, 0 to 1; None: no device had told one.
        own_share: How much of their own the devices of the language keep, 0 to 1; None: no device had told it.
        weights: Language -> its part in the step that made this prompt, 0 to 1; the largest ones.
        source: Version that the operator went back to here; None: the prompt was learned, or stayed as it was.
    """

    version: int
    language: LanguageCode
    at: float
    accuracy: float | None
    own_share: float | None
    weights: dict[LanguageCode, float]
    source: int | None = None


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What can be gone back to.

    Attributes:
        versions: Versions whose prompt is kept, in rising order; the newest prompt is not among them.
        best: The one that did best on held-out examples; None: none is known.
        accuracy: Its accuracy, 0 to 1.
        examples: Number of held-out examples behind that.
    """

    versions: list[int]
    best: int | None = None
    accuracy: float | None = None
    examples: int = 0


def read_history(place: Path | str, language: LanguageCode | None = None) -> list[Line]:
    """Return the lines of all languages, or of one, in the order of versions and languages.

    Args:
        place: Path of the database, which a coordinator may be using, or URL of one in PostgreSQL.
        language: The language; None: all of them.

    Raises:
        Incompatible: The database has no history, because an earlier version of mfpt wrote it.
        Damaged: It is damaged.
        MfptError: It cannot be read.
    """
    try:
        return read_rows(place, lambda rows: _lines(rows, language))
    except (ValueError, TypeError) as error:
        where = "the database" if isinstance(place, str) else place  # a URL may hold a password
        raise Damaged(f"the history in {where} cannot be read: {error}") from error


def read_kept(place: Path | str) -> dict[LanguageCode, Kept]:
    """Return language -> what it can go back to.

    Args:
        place: As for `read_history`.

    Raises:
        MfptError: As in `read_history`.
    """
    return read_rows(place, _kept)


def kept_of(rows: Rows, language: LanguageCode) -> Kept:
    """Return what one language can go back to."""
    found = rows.execute("SELECT version FROM prompts WHERE language = ? ORDER BY version", (language,))
    return _kept_of([version for (version,) in found][:-1], best_versions(rows).get(language))


def _lines(rows: Rows, language: LanguageCode | None) -> list[Line]:
    which = "" if language is None else "WHERE language = :language"
    query = f"""
        SELECT version, language, at, accuracy, own_share, weights, source FROM history {which}
        ORDER BY version, language
    """  # noqa: S608 - our own words
    return [_line(row) for row in rows.execute(query, {} if language is None else {"language": language})]


def _kept(rows: Rows) -> dict[LanguageCode, Kept]:
    versions: dict[LanguageCode, list[int]] = {}
    for language, version in rows.execute("SELECT language, version FROM prompts ORDER BY language, version"):
        versions.setdefault(LanguageCode(language), []).append(version)
    best = best_versions(rows)
    return {language: _kept_of(known[:-1], best.get(language)) for language, known in versions.items()}


def _kept_of(versions: list[int], best: Best | None) -> Kept:
    if best is None:
        return Kept(versions=versions)
    return Kept(versions=versions, best=best.version, accuracy=best.accuracy, examples=best.examples)


def _line(row: tuple[int, str, float, float | None, float | None, str, int | None]) -> Line:
    version, language, at, accuracy, own_share, weights, source = row
    return Line(
        version=version,
        language=LanguageCode(language),
        at=at,
        accuracy=accuracy,
        own_share=own_share,
        weights=json.loads(weights),
        source=source,
    )
