"""Who was admitted, as the tables of the coordinator's database hold it."""

import sqlite3
from dataclasses import astuple, fields
from typing import Final

from mfpt_coord.core.admission import Enrolment, Invitation

ADMISSION_SCHEMA: Final = """
CREATE TABLE invitations (
    id TEXT PRIMARY KEY, secret BLOB NOT NULL, role TEXT NOT NULL, language TEXT, max_examples INTEGER,
    uses INTEGER NOT NULL, expires REAL, created REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE enrolments (
    client TEXT PRIMARY KEY, key BLOB NOT NULL, role TEXT NOT NULL, language TEXT, max_examples INTEGER,
    name TEXT NOT NULL, token TEXT NOT NULL, password BLOB NOT NULL, login BLOB NOT NULL, at REAL NOT NULL, revoked REAL
) WITHOUT ROWID;
"""


def save_invitation(database: sqlite3.Connection, invitation: Invitation) -> None:
    """Write an invitation, in the transaction that is open."""
    _save(database, "invitations", astuple(invitation))


def save_enrolment(database: sqlite3.Connection, enrolment: Enrolment) -> None:
    """Write an enrolment, in the transaction that is open."""
    _save(database, "enrolments", astuple(enrolment))


def invitations(database: sqlite3.Connection) -> dict[str, Invitation]:
    """Return token id -> invitation."""
    rows = database.execute(f"SELECT {_columns(Invitation)} FROM invitations")  # noqa: S608 - names of our own fields
    return {row[0]: Invitation(*row) for row in rows}


def enrolments(database: sqlite3.Connection) -> dict[str, Enrolment]:
    """Return device id -> enrolment."""
    rows = database.execute(f"SELECT {_columns(Enrolment)} FROM enrolments")  # noqa: S608 - names of our own fields
    return {row[0]: Enrolment(*row) for row in rows}


def _save(database: sqlite3.Connection, table: str, values: tuple[object, ...]) -> None:
    marks = ", ".join("?" * len(values))
    database.execute(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", values)  # noqa: S608 - one of two tables


def _columns(kind: type[Invitation] | type[Enrolment]) -> str:
    return ", ".join(field.name for field in fields(kind))
