"""What operators did, as a table of the coordinator's database: the newest lines of it."""

from typing import Final

from mfpt_coord.core.audit import Actor, Deed
from mfpt_coord.server.stored_rows import Rows

KEPT_DEEDS: Final = 10_000
"""Number of the newest lines that stay, beside those of starts."""
KEPT_STARTS: Final = 1000
"""The same for starts: a service that fails and is started again all day does not push out the rest."""

AUDIT_SCHEMA: Final = """
CREATE TABLE audit (
    number INTEGER PRIMARY KEY, at REAL NOT NULL, username TEXT NOT NULL, uid INTEGER, action TEXT NOT NULL,
    subject TEXT NOT NULL, detail TEXT NOT NULL
);
"""

_WRITE: Final = "INSERT INTO audit (at, username, uid, action, subject, detail) VALUES (?, ?, ?, ?, ?, ?)"
_FORGET: Final = """
DELETE FROM audit WHERE {which} AND number <= (
    SELECT number FROM audit WHERE {which} ORDER BY number DESC LIMIT 1 OFFSET :kept
)
"""
_FORGET_STARTS: Final = _FORGET.replace("{which}", "action = 'start'")
_FORGET_OTHERS: Final = _FORGET.replace("{which}", "action <> 'start'")
_READ: Final = "SELECT at, username, uid, action, subject, detail FROM audit ORDER BY number"
_NEWEST: Final = f"{_READ} DESC LIMIT ?"


def save_deed(rows: Rows, deed: Deed) -> None:
    """Write what an operator did, and forget what is too old, in the transaction that is open."""
    by = deed.by
    rows.execute(_WRITE, (deed.at, by.user, by.uid, deed.action, deed.subject, deed.detail))
    rows.execute(_FORGET_STARTS, {"kept": KEPT_STARTS})
    rows.execute(_FORGET_OTHERS, {"kept": KEPT_DEEDS})


def deeds(rows: Rows) -> list[Deed]:
    """Return what operators did, first things first."""
    return [Deed(at, Actor(user, uid), *what) for at, user, uid, *what in rows.execute(_READ)]


def newest_deeds(rows: Rows, most: int) -> list[Deed]:
    """Return the newest things that operators did, the last one first."""
    return [Deed(at, Actor(user, uid), *what) for at, user, uid, *what in rows.execute(_NEWEST, (most,))]
