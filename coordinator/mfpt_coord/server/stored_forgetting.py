"""What the coordinator's database forgets in time: what a federation of constant size keeps does not grow.

Updates go when they are folded, and prompts when they are replaced, but for the best one of each language. Of each
device's updates the newest rows stay, by which one that comes again is recognised; older ones are refused whatever they
are, because the device was never assigned their version anew. What the removed rows say in sum stays in the table
`totals`.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from mfpt_coord.server.stored_rows import Rows

KEPT_UPDATES: Final = 64
"""Number of each device's newest updates whose rows stay."""
KEPT_FOLDS: Final = 1000
"""Number of the newest versions that the weights of all their updates are kept of, and every line of the history."""

_FOLDED: Final = """
SELECT number, client, sequence, language, base_version, staleness, examples, received, fold, sha256 FROM updates
WHERE payload IS NOT NULL AND fold <= (SELECT max(version) FROM folds WHERE at <= :before)
"""

_FORGET_SUMS: Final = "DELETE FROM cohorts WHERE fold <= (SELECT max(version) FROM folds WHERE at <= :before)"

_FORGET_PROMPTS: Final = """
DELETE FROM prompts WHERE EXISTS (
    SELECT 1 FROM prompts AS newer WHERE newer.language = prompts.language AND newer.version > prompts.version
    AND newer.version <= (SELECT max(version) FROM folds WHERE at <= :before)
) AND NOT EXISTS (
    SELECT 1 FROM best WHERE best.language = prompts.language AND best.version = prompts.version
)
"""

_OLD_ROWS: Final = """
SELECT number, updates.client, updates.language, updates.examples, staleness
FROM updates JOIN clients ON clients.id = updates.client
WHERE updates.client IN (SELECT client FROM updates WHERE fold = (SELECT max(version) FROM folds))
AND updates.sequence <= clients.sequence - :kept
AND fold <= (SELECT max(version) FROM folds WHERE at <= :before)
"""

_ROWS_OF: Final = "SELECT number, client, language, examples, staleness FROM updates WHERE client = ?"

_ADD: Final = """
INSERT INTO totals (kind, key, value) VALUES (?, ?, ?)
ON CONFLICT (kind, key) DO UPDATE SET value = totals.value + excluded.value
"""

_FORGET_FOLDS: Final = """
DELETE FROM folds WHERE version <= (SELECT max(version) FROM folds) - :kept
AND version <= (SELECT max(version) FROM folds WHERE at <= :before)
"""

# Every line of the newest versions, then of every tenth, of every hundredth, and so on.
_THIN_HISTORY: Final = """
DELETE FROM history WHERE version = (SELECT max(version) FROM folds) - :age AND version % :every != 0
"""


def forget(database: sqlite3.Connection, before: float) -> None:
    """Remove what was folded until a time: the payloads of updates, sums of cohorts, and prompts that were replaced.

    Args:
        database: Connection, with or without a transaction.
        before: Unix seconds.
    """
    _forget_payloads(database, before)
    forget_sums_and_rows(database, before)
    # Prompts were published: they need not be overwritten, which would take as long as writing the new ones.
    database.execute("PRAGMA secure_delete = OFF")
    try:
        forget_prompts(database, before)
    finally:
        database.execute("PRAGMA secure_delete = ON")


def forget_sums_and_rows(rows: Rows, before: float) -> None:
    """Remove sums of cohorts that were folded until a time, and of rows and lines those that are too many."""
    rows.execute(_FORGET_SUMS, {"before": before})
    _forget_rows(rows, before)
    rows.execute(_FORGET_FOLDS, {"kept": KEPT_FOLDS, "before": before})
    for power in range(1, 5):
        rows.execute(_THIN_HISTORY, {"age": KEPT_FOLDS * 10 ** (power - 1), "every": 10**power})


def forget_prompts(rows: Rows, before: float) -> None:
    """Remove prompts that were replaced until a time, but for the best one of each language."""
    rows.execute(_FORGET_PROMPTS, {"before": before})


def _forget_rows(database: Rows, before: float) -> None:
    """Remove the rows of old updates of the devices that were in the newest fold, and add up what they said."""
    rows = database.execute(_OLD_ROWS, {"kept": KEPT_UPDATES, "before": before}).fetchall()
    _add_up(database, rows)
    database.executemany("DELETE FROM updates WHERE number = ?", [row[:1] for row in rows])


def _add_up(database: Rows, rows: Iterable[tuple[int, str, str, int, int]]) -> None:
    totals: Counter[tuple[str, str]] = Counter()
    for _, client, language, examples, staleness in rows:
        totals["updates", client] += 1
        totals["examples", language] += examples
        totals["staleness", str(staleness)] += 1
    database.executemany(_ADD, [(*of, value) for of, value in totals.items()])


def forget_devices(rows: Rows, clients: Sequence[str]) -> None:
    """Remove devices, and add up what their updates said, which are all in a version."""
    for client in clients:
        found = rows.execute(_ROWS_OF, (client,)).fetchall()
        _add_up(rows, found)
        rows.execute("DELETE FROM updates WHERE client = ?", (client,))
        rows.execute("DELETE FROM totals WHERE kind = 'updates' AND key = ?", (client,))
        rows.execute("DELETE FROM own_shares WHERE device = ?", (client,))
        rows.execute("DELETE FROM enrolments WHERE client = ?", (client,))
        rows.execute("DELETE FROM clients WHERE id = ?", (client,))


def _forget_payloads(database: sqlite3.Connection, before: float) -> None:
    """Write rows anew without their payloads: in rows that only shrink, SQLite keeps the space for good."""
    rows = database.execute(_FOLDED, {"before": before}).fetchall()
    database.execute("SAVEPOINT forgetting")
    try:
        database.executemany("DELETE FROM updates WHERE number = ?", [row[:1] for row in rows])
        database.executemany("INSERT INTO updates VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)", rows)
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK TO forgetting")
        raise
    finally:
        if database.in_transaction:
            database.execute("RELEASE forgetting")
