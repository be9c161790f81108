"""Versions, as rows of the coordinator's database: those that were folded, and those that go back to earlier ones."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from mfpt_coord.core.effects import SaveFold, SaveRollback
from mfpt_coord.server.stored_rows import Rows, upsert
from mfpt_shared.languages import LanguageCode
from mfpt_shared.tensors import Array

_MOMENTS: Final = upsert("moments", ("language", "vectors"))
_DIRECTION: Final = upsert("directions", ("language", "vector"))
_OWN_SHARE: Final = upsert("own_shares", ("language", "device", "share", "disagreement"), keys=2)
_COMPARISON: Final = upsert("comparisons", ("first", "second", "cosine", "times", "weight"), keys=2)
_BEST: Final = upsert("best", ("language", "version", "accuracy", "examples"))
_LINE: Final = """
INSERT INTO history (version, language, at, accuracy, own_share, weights, source) VALUES (?, ?, ?, ?, ?, ?, ?)
"""


def save_version(rows: Rows, made: SaveFold | SaveRollback) -> None:
    """Write a version, in the transaction that is open."""
    if isinstance(made, SaveFold):
        _save_fold(rows, made)
    else:
        _save_rollback(rows, made)


def _save_fold(rows: Rows, fold: SaveFold) -> None:
    _save_version(rows, fold, updates=fold.updates, weights=fold.weights.tobytes())
    rows.executemany(
        "UPDATE updates SET fold = ? WHERE client = ? AND sequence = ?",
        [(fold.version, *update) for update in fold.updates],
    )
    rows.execute("UPDATE cohorts SET fold = ? WHERE fold IS NULL", (fold.version,))
    # What a fold leaves for the next fold; only the newest is kept.
    rows.executemany(_MOMENTS, [(language, part.tobytes()) for language, part in fold.moments.items()])
    rows.executemany(_DIRECTION, [(language, part.tobytes()) for language, part in fold.directions.items()])
    rows.executemany(_OWN_SHARE, [(*speaker, *share) for speaker, share in fold.shares.items()])
    rows.executemany(_COMPARISON, [(*pair, *seen) for pair, seen in fold.comparisons.items()])


def _save_rollback(rows: Rows, back: SaveRollback) -> None:
    _save_version(rows, back, sources=back.sources)
    for table in ("moments", "directions"):
        rows.executemany(f"DELETE FROM {table} WHERE language = ?", [(language,) for language in back.sources])  # noqa: S608 - our own tables


def _save_version(
    rows: Rows,
    made: SaveFold | SaveRollback,
    *,
    updates: Sequence[tuple[str, int]] = (),
    weights: bytes = b"",
    sources: Mapping[LanguageCode, int] | None = None,
) -> None:
    """Write a version with its prompts, how every language stands, and which version before it was the best.

    Args:
        rows: Connection, in a transaction.
        made: The version.
        updates: What it was made of.
        weights: Their weights.
        sources: Language -> version that it has gone back to.
    """
    rows.execute(
        "INSERT INTO folds (version, at, languages, updates, weights) VALUES (?, ?, ?, ?, ?)",
        (made.version, made.at, json.dumps(list(made.prompts)), json.dumps(list(updates)), weights),
    )
    for language, vector in made.prompts.items():
        save_prompt(rows, language, made.version, vector)
    gone_back = sources or {}
    rows.executemany(
        _LINE,
        [
            (
                *(made.version, language, made.at, one.accuracy, one.own_share),
                *(json.dumps(one.weights), gone_back.get(language)),
            )
            for language, one in made.standings.items()
        ],
    )
    rows.executemany(_BEST, [(language, *best) for language, best in made.best.items()])


def save_prompt(rows: Rows, language: LanguageCode, version: int, vector: Array) -> None:
    """Write a language's prompt as of a version, in the transaction that is open."""
    rows.execute(
        "INSERT INTO prompts (language, version, vector) VALUES (?, ?, ?)", (language, version, vector.tobytes())
    )
