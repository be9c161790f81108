"""Backs up and checks a data folder, whether or not a coordinator runs on it."""

import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from mfpt_coord.server.backup_file import Summary, is_backup, look_through
from mfpt_coord.server.data_folder import KEY_FILE, database_of, open_key
from mfpt_coord.server.encrypted_file import encrypt
from mfpt_coord.server.stored_errors import explained
from mfpt_coord.server.stored_file import BACKUP_TABLE, reading
from mfpt_coord.server.stored_values import meta
from mfpt_shared import __version__
from mfpt_shared.atomic import atomic_file
from mfpt_shared.errors import Damaged, MfptError, UsageError
from mfpt_shared.keys import PublicKey, SigningKey
from mfpt_shared.system.names import check_name

_TABLE: Final = f"CREATE TABLE {BACKUP_TABLE} (made REAL NOT NULL, mfpt TEXT NOT NULL, key BLOB NOT NULL)"


def back_up(data_dir: Path, file: Path, passphrase: str | None = None) -> Summary:
    """Write a backup of a data folder, whether or not a coordinator runs on it.

    Args:
        data_dir: Data folder.
        file: Path of the backup; an earlier backup there is replaced once the new one is whole.
        passphrase: What to encrypt it with; None: it is not encrypted.

    Raises:
        UsageError: There is nothing to back up, or another file than a backup is at the path.
        Damaged: The database or the key is damaged; an earlier backup stays.
        MfptError: The backup cannot be written.
    """
    database = database_of(data_dir)
    _check_target(file)
    try:
        with atomic_file(file) as made, tempfile.TemporaryDirectory(dir=file.parent, suffix=".part") as folder:
            copy = made if passphrase is None else Path(folder) / "copy"
            _copy(database, copy)
            _complete(copy, data_dir / KEY_FILE)
            found = look_through(copy)
            if passphrase is not None:
                encrypt(copy, made, passphrase)
        return msgspec.structs.replace(found, file=str(file), bytes=file.stat().st_size)
    except OSError as error:
        raise MfptError(f"cannot write {file}: {error.strerror}") from error


def _check_target(file: Path) -> None:
    check_name(file)
    if not file.parent.is_dir():
        raise UsageError(f"{file.parent} is not a folder: make it first")
    if file.exists() and not is_backup(file):
        raise UsageError(f"{file} exists and is not a backup: choose another name")


def _copy(database: Path, into: Path) -> None:
    """Copy a database as it is now, while others may write to it."""
    with reading(database) as source:
        try:
            source.execute("VACUUM INTO ?", (str(into),))
        except sqlite3.Error as error:
            problem = explained(error, database)
            raise problem if isinstance(problem, Damaged) else explained(error, into) from error


def _complete(copy: Path, key_file: Path) -> None:
    """Give a copy of the database the table that makes it a backup."""
    with closing(sqlite3.connect(copy, isolation_level=None)) as database:
        key = _known_key(database, copy, key_file)
        try:
            database.execute(_TABLE)
            database.execute(f"INSERT INTO {BACKUP_TABLE} VALUES (?, ?, ?)", (time.time(), __version__, key.to_pem()))  # noqa: S608 - our own name
        except sqlite3.Error as error:
            raise explained(error, copy) from error


def look_through_folder(data_dir: Path) -> Summary:
    """Read all of a data folder's database, see that its key is there, and say what it holds.

    Raises:
        UsageError: There is no database.
        Damaged: Database or key is damaged.
        MfptError: It cannot be read.
    """
    database = database_of(data_dir)
    found = look_through(database)
    with reading(database) as connection:
        _known_key(connection, database, data_dir / KEY_FILE)
    return found


def _known_key(database: sqlite3.Connection, path: Path, key_file: Path) -> SigningKey:
    known = PublicKey(meta(database, path, "key", b"")) or None
    return open_key(key_file, known, has_run=True)
