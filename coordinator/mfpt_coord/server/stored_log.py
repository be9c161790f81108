"""Ties the database's log to the database, so that a log of another moment is noticed.

SQLite takes whatever log lies beside a database for its own: a log that somebody left there when putting an older copy
of the database back is mixed into it, page by page. So the first commit after the log was emptied raises a number,
which reaches the file itself when the log is emptied again. A log belongs to a file if its number is the file's, or the
next.
"""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from mfpt_coord.server.stored_errors import DamagedDatabase, explained
from mfpt_shared.errors import Damaged

# How long another program may hold the database; everything else waits meanwhile.
LOCKED_SECONDS: Final = 1.0

_READINGS: Final = 3
_NEXT: Final = "INSERT INTO meta VALUES ('log', 1) ON CONFLICT (key) DO UPDATE SET value = value + 1"
_MARKS: Final = """
SELECT CAST(value AS TEXT), coalesce((SELECT value FROM meta WHERE key = 'log'), 0)
FROM meta WHERE key = 'coordinator'
"""

Marks = tuple[str, int]
"""Id of the coordinator, and number of the log."""


def begin_log(database: sqlite3.Connection) -> None:
    """Raise the number of the log, in the transaction that is open: the first one after the log was emptied."""
    database.execute(_NEXT)


def log_of(path: Path) -> Path:
    """Return the path of a database's log."""
    return path.with_name(f"{path.name}-wal")


def has_log(path: Path) -> bool:
    """Tell whether anything waits in a database's log."""
    with suppress(FileNotFoundError):
        return log_of(path).stat().st_size > 0
    return False


def read_only(path: Path, *, without_log: bool = False) -> sqlite3.Connection:
    """Return a connection that changes no file.

    Args:
        path: Path of the database.
        without_log: Whether to see the file alone, without what waits in its log.
    """
    options = "mode=ro&immutable=1" if without_log else "mode=ro"
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{options}", uri=True, timeout=LOCKED_SECONDS, isolation_level=None
    )


def check_log(path: Path) -> None:
    """See that the log beside a database is its own.

    Raises:
        Damaged: It is not.
        sqlite3.Error: The database cannot be read.
    """
    # Whoever writes meanwhile may empty the log between the two looks.
    if not any(_belongs(path) for _ in range(_READINGS)):
        raise _foreign(path)


def _belongs(path: Path) -> bool:
    alone = file_marks(path) if has_log(path) else None
    if alone is None:
        return True
    try:
        together = _marks(path)
    except sqlite3.Error as error:
        if isinstance(explained(error, path), Damaged):
            return False
        raise
    return together is not None and together[0] == alone[0] and together[1] - alone[1] in (0, 1)


def file_marks(path: Path) -> Marks | None:
    """Return the marks of the file alone; None if it has none, or is half overwritten by what is in the log."""
    try:
        return _marks(path, without_log=True)
    except sqlite3.Error:
        return None


def _marks(path: Path, *, without_log: bool = False) -> Marks | None:
    with closing(read_only(path, without_log=without_log)) as database:
        row = database.execute(_MARKS).fetchone()
    return None if row is None else (row[0], row[1])


def _foreign(path: Path) -> DamagedDatabase:
    return DamagedDatabase(
        f"{log_of(path)} does not belong to the {path.name} beside it: one of them was copied alone, and both of one "
        "moment are needed"
    )
