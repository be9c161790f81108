"""The tables of the coordinator's database, and how an older database gets them."""

import sqlite3
from collections.abc import Mapping
from typing import Final

from mfpt_coord.server.stored_admission import ADMISSION_SCHEMA
from mfpt_coord.server.stored_audit import AUDIT_SCHEMA
from mfpt_shared.errors import DecodeError, Incompatible
from mfpt_shared.protocol.codec import decode
from mfpt_shared.protocol.identity import update_digest
from mfpt_shared.protocol.topics import CLIENT_UP

SCHEMA_VERSION: Final = 6

# An update's payload is NULL once nobody needs it any more, or if it came under masks; its digest stays.
_UPDATES: Final = """
CREATE TABLE updates (
    number INTEGER PRIMARY KEY, client TEXT NOT NULL, sequence INTEGER NOT NULL, language TEXT NOT NULL,
    base_version INTEGER NOT NULL, staleness INTEGER NOT NULL, examples INTEGER NOT NULL, received REAL NOT NULL,
    fold INTEGER, sha256 BLOB NOT NULL, payload BLOB, cohort TEXT, UNIQUE (client, sequence)
);
CREATE INDEX updates_by_fold ON updates (fold);
CREATE INDEX payloads_by_fold ON updates (fold) WHERE payload IS NOT NULL;
"""

# A cohort's row goes once nobody needs the sum any more.
_COHORTS: Final = """
CREATE TABLE cohorts (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, at REAL NOT NULL, fold INTEGER, sum BLOB NOT NULL
);
"""

_OWN_SHARES: Final = """
CREATE TABLE own_shares (
    language TEXT, device TEXT, share REAL NOT NULL, disagreement REAL NOT NULL, PRIMARY KEY (language, device)
) WITHOUT ROWID;
"""

# What the rows of updates said that were removed: updates of a device, examples of a language, updates of a staleness.
_TOTALS: Final = """
CREATE TABLE totals (kind TEXT, key TEXT, value INTEGER NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;
"""

_HISTORY: Final = """
CREATE TABLE history (
    version INTEGER, language TEXT, at REAL NOT NULL, accuracy REAL, own_share REAL, weights TEXT NOT NULL,
    source INTEGER, PRIMARY KEY (version, language)
) WITHOUT ROWID;
"""

# The prompts of these versions stay.
_BEST: Final = """
CREATE TABLE best (
    language TEXT PRIMARY KEY, version INTEGER NOT NULL, accuracy REAL NOT NULL, examples INTEGER NOT NULL
) WITHOUT ROWID;
"""

_PROMPTS_BY_VERSION: Final = "CREATE INDEX prompts_by_version ON prompts (version);"

_TABLES: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE clients (
    id TEXT PRIMARY KEY, language TEXT NOT NULL, examples INTEGER NOT NULL, sequence INTEGER NOT NULL,
    contributed INTEGER NOT NULL, seconds REAL, accuracy REAL, device TEXT NOT NULL, last_seen REAL NOT NULL,
    session INTEGER NOT NULL, announced INTEGER NOT NULL, grants TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE folds (
    version INTEGER PRIMARY KEY, at REAL NOT NULL, languages TEXT NOT NULL, updates TEXT NOT NULL, weights BLOB NOT NULL
);
CREATE TABLE prompts (language TEXT, version INTEGER, vector BLOB NOT NULL, PRIMARY KEY (language, version));
CREATE TABLE distances (
    first TEXT, second TEXT, metric TEXT, value REAL NOT NULL, PRIMARY KEY (first, second, metric)
) WITHOUT ROWID;
CREATE TABLE comparisons (
    first TEXT, second TEXT, cosine REAL NOT NULL, times INTEGER NOT NULL, weight REAL NOT NULL,
    PRIMARY KEY (first, second)
) WITHOUT ROWID;
CREATE TABLE directions (language TEXT PRIMARY KEY, vector BLOB NOT NULL);
CREATE TABLE moments (language TEXT PRIMARY KEY, vectors BLOB NOT NULL);
"""

SCHEMA: Final = (
    f"{_TABLES} {_UPDATES} {_COHORTS} {_OWN_SHARES} {_PROMPTS_BY_VERSION} {ADMISSION_SCHEMA} {_TOTALS} {_HISTORY} "
    f"{_BEST} {AUDIT_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION};"
)

# Versions 2 and 3 kept judgements by accuracy, which do not say how much of its own a device keeps: it begins again.
# Their plans have a key that there is no more.
_NEWER_SHARES: Final = f"""
UPDATE meta SET value = CAST(json_remove(CAST(value AS TEXT), '$.aggregation.distance_bias') AS BLOB)
WHERE key = 'plan';
DROP TABLE judgements;
{_OWN_SHARES}
"""  # noqa: S608 - our own constants

_FROM_5: Final = f"{_TOTALS} {_HISTORY} {_BEST} {AUDIT_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION};"

_FROM_4: Final = f"ALTER TABLE updates ADD COLUMN cohort TEXT; {_COHORTS} {_FROM_5}"

_FROM_3: Final = f"{_NEWER_SHARES} {_FROM_4}"

_FROM_2: Final = f"""
ALTER TABLE clients ADD COLUMN session INTEGER NOT NULL DEFAULT 0;
ALTER TABLE clients ADD COLUMN announced INTEGER NOT NULL DEFAULT 0;
ALTER TABLE clients ADD COLUMN grants TEXT NOT NULL DEFAULT '[]';
DROP INDEX updates_by_fold;
ALTER TABLE updates RENAME TO old_updates;
{_UPDATES}
INSERT INTO updates SELECT
    number, client, sequence, language, base_version, staleness, examples, received, fold, sha256(payload), payload,
    NULL
FROM old_updates;
DROP TABLE old_updates;
{_PROMPTS_BY_VERSION}
{ADMISSION_SCHEMA}
{_NEWER_SHARES}
{_COHORTS}
{_FROM_5}
"""  # noqa: S608 - our own constants

_UPGRADES: Final[Mapping[int, str]] = {2: _FROM_2, 3: _FROM_3, 4: _FROM_4, 5: _FROM_5}


def upgrade(database: sqlite3.Connection, name: str) -> None:
    """Give the tables of this version to a database of one of the four versions before, all of them or none.

    Args:
        database: Connection without transactions of its own.
        name: Name of the file, for messages.

    Raises:
        Incompatible: It was written by yet another version, or updates wait in it that this version cannot read.
    """
    found = database.execute("PRAGMA user_version").fetchone()[0]
    if found in (0, SCHEMA_VERSION):
        return
    if found not in _UPGRADES:
        raise Incompatible(
            f"{name} has schema version {found}, and this mfpt-coord needs {SCHEMA_VERSION}; use another --data-dir"
        )
    _check_waiting(database, name)
    database.create_function("sha256", 1, update_digest, deterministic=True)
    try:
        database.executescript(f"BEGIN IMMEDIATE; {_UPGRADES[found]} COMMIT;")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def _check_waiting(database: sqlite3.Connection, name: str) -> None:
    for (payload,) in database.execute("SELECT payload FROM updates WHERE fold IS NULL"):
        try:
            decode(CLIENT_UP, payload)
        except DecodeError as error:
            raise Incompatible(
                f"{name} holds updates in an older protocol that are in no version yet; let the older mfpt-coord make "
                "one more version (`serve --folds 1`), or use another --data-dir"
            ) from error


def checkpoint(database: sqlite3.Connection) -> str:
    """Move everything into the database file, and empty the log beside it, which holds what was removed.

    Where that cannot be done now, because somebody reads the file or the disk is full, it can be done later: whatever
    was committed stays committed.

    Returns:
        Why it could not be done, in words; empty: it was.
    """
    waiting = database.execute("PRAGMA busy_timeout").fetchone()[0]
    database.execute("PRAGMA busy_timeout = 0")
    try:
        is_busy = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.Error as error:
        return str(error)
    finally:
        database.execute(f"PRAGMA busy_timeout = {waiting}")
    return "another program reads the database" if is_busy else ""
