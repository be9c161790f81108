"""What operators did, as a table of the coordinator's database: the newest lines of it."""

from typing import Final

from mfpt_coord.core.audit import Actor, Deed
from mfpt_coord.server.stored_rows import Rows

KEPT_DEEDS: Final = 10_000
"""Number of the newest lines that stay."""

AUDIT_SCHEMA: Final = """
CREATE TABLE audit (
    number INTEGER PRIMARY KEY, at REAL NOT NULL, username TEXT NOT NULL, uid INTEGER, action TEXT NOT NULL,
    subject TEXT NOT NULL, detail TEXT NOT NULL
);
"""

_WRITE: Final = "INSERT INTO audit (at, username, uid, action, subject, detail) VALUES (?, ?, ?, ?, ?, ?)"
_FORGET: Final = "DELETE FROM audit WHERE number <= (SELECT max(number) FROM audit) - :kept"
_READ: Final = "SELECT at, username, uid, action, subject, detail FROM audit ORDER BY number"


def save_deed(rows: Rows, deed: Deed) -> None:
    """Write what an operator did, and forget what is too old, in the transaction that is open."""
    by = deed.by
    rows.execute(_WRITE, (deed.at, by.user, by.uid, deed.action, deed.subject, deed.detail))
    rows.execute(_FORGET, {"kept": KEPT_DEEDS})


def deeds(rows: Rows) -> list[Deed]:
    """Return what operators did, first things first."""
    return [Deed(at, Actor(user, uid), *what) for at, user, uid, *what in rows.execute(_READ)]
