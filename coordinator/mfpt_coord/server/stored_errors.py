"""What SQLite reports, as errors for people: what happened to the database, and what to do.

Source: https://www.sqlite.org/rescode.html
"""

import sqlite3
from pathlib import Path
from typing import Final

from mfpt_shared.errors import ConnectionFailed, Damaged, InUse, MfptError

ADVICE: Final = "put a backup back with `mfpt-coord db restore FILE --force`, or use another --data-dir"

_PRIMARY: Final = 0xFF
_LOCKED: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_ENVIRONMENT: Final = {
    sqlite3.SQLITE_FULL: "the disk is full: make room on it",
    sqlite3.SQLITE_READONLY: "it is read-only: let this user write to the file and its folder",
    sqlite3.SQLITE_PERM: "this user may not: let it read and write the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "it, or a file beside it, cannot be opened: let this user read and write the folder",
    sqlite3.SQLITE_IOERR: "the disk does not answer: see that it is there, has room, and works",
    sqlite3.SQLITE_NOMEM: "there is not enough memory",
}
_DAMAGED: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_SCHEMA}


class DamagedDatabase(Damaged):
    """A database that cannot be used, with advice for the data folder that it is in.

    Attributes:
        problem: The message without the advice.
    """

    def __init__(self, problem: str) -> None:
        """Take a message without advice."""
        super().__init__(f"{problem}; {ADVICE}")
        self.problem = problem


class StoreLost(ConnectionFailed):
    """The database server does not answer any more. Another coordinator may work by now, so this one ends."""


def explained(error: sqlite3.Error, path: Path) -> MfptError:
    """Return the error for people that stands for one of SQLite.

    Args:
        error: What SQLite reported.
        path: Path of the database.
    """
    kind = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY
    if kind in _LOCKED:
        return InUse(f"{path} is locked by another program ({error}): end that program, or let it finish")
    if kind in _ENVIRONMENT:
        return MfptError(f"cannot use {path} ({error}): {_ENVIRONMENT[kind]}")
    if kind in _DAMAGED:
        return damaged(path, str(error))
    return MfptError(f"cannot use {path}: {error}")


def damaged(path: Path, problem: str) -> DamagedDatabase:
    """Return the error for a database that cannot be used any more.

    Args:
        path: Path of the database.
        problem: What is wrong, in words.
    """
    return DamagedDatabase(f"{path} is damaged ({problem})")
