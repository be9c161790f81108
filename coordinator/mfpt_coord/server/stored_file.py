"""Opens the coordinator's database file: one that is there is looked at before anything is written to it.

A look goes through a connection that may not write, so that whatever is refused stays as it was found.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from mfpt_coord.server.stored_errors import DamagedDatabase, damaged, explained
from mfpt_coord.server.stored_log import LOCKED_SECONDS, check_log, has_log, read_only
from mfpt_coord.server.stored_schema import SCHEMA, SCHEMA_VERSION, upgrade
from mfpt_shared.errors import Damaged, Incompatible, MfptError
from mfpt_shared.folders import private_file

BACKUP_TABLE: Final = "backup"
# A larger file would take seconds to look through; `mfpt-coord db check` does it whatever the size.
LOOKED_THROUGH_BYTES: Final = 256 * 2**20

_MAGIC: Final = b"SQLite format 3\0"
_HEADER_BYTES: Final = 100
_TABLES: Final = frozenset(re.findall(r"CREATE TABLE (\w+)", SCHEMA))
# These are in every version that had tables at all.
_OLDEST_TABLES: Final = frozenset({"meta", "clients", "updates", "folds", "prompts"})


def open_database(path: Path) -> sqlite3.Connection:
    """Open the database of a coordinator for its own use; one of an older version is upgraded.

    Raises:
        Damaged: It is empty, cut short, damaged, or not a coordinator's database.
        Incompatible: It was written by another version of mfpt.
        InUse: Another program has locked it.
        MfptError: It cannot be read or written.
    """
    with reading(path) as database:
        is_small = path.stat().st_size <= LOOKED_THROUGH_BYTES
        check(database, path, pragma="quick_check" if is_small else None)
        if BACKUP_TABLE in _tables(database):
            raise Damaged(f"{path} is a backup: let `mfpt-coord db restore` make a data folder of it")
    try:
        return _for_writing(path)
    except sqlite3.Error as error:
        raise explained(error, path) from error
    except OSError as error:
        raise MfptError(f"cannot write to {path}: {error.strerror}") from error


def _for_writing(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(private_file(path), timeout=LOCKED_SECONDS, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    # FULL: a commit survives a power cut, not only the end of the process.
    database.execute("PRAGMA synchronous = FULL")
    # What is removed is overwritten.
    database.execute("PRAGMA secure_delete = ON")
    # The store empties the log itself: see stored_log.
    database.execute("PRAGMA wal_autocheckpoint = 0")
    upgrade(database, str(path))
    return database


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection that reads a database and changes no file, also while a coordinator writes to it.

    Raises:
        Damaged: It is not a database, or is not there.
        InUse: Another program has locked it.
        MfptError: It cannot be read.
    """
    _check_file(path)
    try:
        check_log(path)
        with closing(read_only(path)) as database:
            yield database
    except sqlite3.Error as error:
        raise explained(error, path) from error


def check(database: sqlite3.Connection, path: Path, *, pragma: str | None) -> None:
    """See that a database has a coordinator's tables, in a version that this mfpt-coord reads.

    Args:
        database: Connection.
        path: Path of the file, for messages.
        pragma: `quick_check`, or `integrity_check` for the indices as well; None: the pages are not looked at.

    Raises:
        Damaged: It is another program's, or damaged.
        Incompatible: A later version of mfpt wrote it.
    """
    tables, version = _tables(database), database.execute("PRAGMA user_version").fetchone()[0]
    if not tables >= (_TABLES if version == SCHEMA_VERSION else _OLDEST_TABLES) or version == 0:
        found = "is the database of another program" if tables else "holds no tables"
        raise DamagedDatabase(f"{path} {found}, not a coordinator's")
    if version > SCHEMA_VERSION:
        raise Incompatible(
            f"{path} was written by a later mfpt-coord (schema version {version}; this one knows {SCHEMA_VERSION}); "
            "install that version, or use another --data-dir"
        )
    if pragma is not None:
        found = str(database.execute(f"PRAGMA {pragma}(1)").fetchone()[0])
        if found != "ok":
            raise damaged(path, found.splitlines()[-1])


def _tables(database: sqlite3.Connection) -> set[str]:
    return {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _check_file(path: Path) -> None:
    """See that a file is a database, and whole, as far as its first bytes tell.

    Raises:
        Damaged: It is not.
        MfptError: It cannot be read.
    """
    try:
        if not path.is_file():
            raise DamagedDatabase(f"{path} is not a file" if path.exists() else f"{path} is missing")
        # While a log is beside it, the file may be shorter than it says: the log holds the rest.
        may_be_short = has_log(path)
        with path.open("rb") as file:
            header, size = file.read(_HEADER_BYTES), path.stat().st_size
    except OSError as error:
        raise MfptError(f"cannot read {path}: {error.strerror}") from error
    if not header:
        raise DamagedDatabase(f"{path} is empty")
    if not header.startswith(_MAGIC):
        raise DamagedDatabase(f"{path} is not a database")
    if size < _whole_size(header) and not (may_be_short or has_log(path)):
        raise DamagedDatabase(f"{path} ends after {size} of {_whole_size(header)} bytes (was it copied halfway?)")


def _whole_size(header: bytes) -> int:
    """Return the size that a database says it has, bytes. Source: https://www.sqlite.org/fileformat.html, 1.3."""
    page = int.from_bytes(header[16:18], "big")
    return (65536 if page == 1 else page) * int.from_bytes(header[28:32], "big")
