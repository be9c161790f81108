"""Who was admitted, as the tables of the coordinator's database hold it."""

from dataclasses import astuple, fields
from typing import Final

from mfpt_coord.core.admission import Enrolment, Invitation
from mfpt_coord.core.entries import Entries
from mfpt_coord.server.stored_rows import Rows, upsert

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


def save_invitation(rows: Rows, invitation: Invitation) -> None:
    """Write an invitation, in the transaction that is open."""
    rows.execute(upsert("invitations", _names(Invitation)), astuple(invitation))


def save_enrolment(rows: Rows, enrolment: Enrolment) -> None:
    """Write an enrolment, in the transaction that is open."""
    rows.execute(upsert("enrolments", _names(Enrolment)), astuple(enrolment))


def invitations(rows: Rows) -> dict[str, Invitation]:
    """Return token id -> invitation."""
    found = rows.execute(f"SELECT {', '.join(_names(Invitation))} FROM invitations")  # noqa: S608 - our own fields
    return {row[0]: Invitation(*row) for row in found}


def enrolments(rows: Rows) -> Entries[Enrolment]:
    """Return device id -> enrolment."""
    found = rows.execute(f"SELECT {', '.join(_names(Enrolment))} FROM enrolments")  # noqa: S608 - our own fields
    return Entries.of({row[0]: Enrolment(*row) for row in found})


def _names(kind: type[Invitation] | type[Enrolment]) -> list[str]:
    return [field.name for field in fields(kind)]
