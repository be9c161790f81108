"""What the coordinator's database knows of every version: how each language stood, and from which it learned."""

import json
import sqlite3
from pathlib import Path

import msgspec

from mfpt_coord.server.stored_errors import damaged, explained
from mfpt_coord.server.stored_file import check, reading
from mfpt_coord.server.stored_schema import SCHEMA_VERSION
from mfpt_shared.errors import Incompatible
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
    """

    version: int
    language: LanguageCode
    at: float
    accuracy: float | None
    own_share: float | None
    weights: dict[LanguageCode, float]


def read_history(path: Path, language: LanguageCode | None = None) -> list[Line]:
    """Return the lines of all languages, or of one, in the order of versions and languages.

    Args:
        path: Path of the database, which a coordinator may be using.
        language: The language; None: all of them.

    Raises:
        Incompatible: The database has no history, because an earlier version of mfpt wrote it.
        Damaged: It is damaged.
        MfptError: It cannot be read.
    """
    with reading(path) as database:
        check(database, path, pragma=None)
        if database.execute("PRAGMA user_version").fetchone()[0] < SCHEMA_VERSION:
            raise Incompatible(f"{path} was written by an earlier mfpt-coord: start `serve` on it once, to upgrade it")
        which = "" if language is None else "WHERE language = :language"
        query = f"SELECT version, language, at, accuracy, own_share, weights FROM history {which} ORDER BY 1, 2"  # noqa: S608 - our own words
        try:
            return [_line(row) for row in database.execute(query, {"language": language})]
        except sqlite3.Error as error:
            raise explained(error, path) from error
        except (ValueError, TypeError) as error:
            raise damaged(path, f"its history cannot be read: {error}") from error


def _line(row: tuple[int, str, float, float | None, float | None, str]) -> Line:
    version, language, at, accuracy, own_share, weights = row
    return Line(
        version=version,
        language=LanguageCode(language),
        at=at,
        accuracy=accuracy,
        own_share=own_share,
        weights=json.loads(weights),
    )
