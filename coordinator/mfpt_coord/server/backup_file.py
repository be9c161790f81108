"""What a backup of a coordinator is: one file with its database and its key, which can be read and checked.

A backup is a copy of the database with one more table, which holds the key; it may be encrypted with a passphrase.
What the embedded broker keeps is not in it: the coordinator publishes again what is retained, and devices send again
what was not acknowledged.
"""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from mfpt_coord.core.schedule import waiting_updates
from mfpt_coord.server.encrypted_file import decrypt, is_encrypted
from mfpt_coord.server.stored_errors import DamagedDatabase
from mfpt_coord.server.stored_file import BACKUP_TABLE, check, reading
from mfpt_coord.server.stored_schema import SCHEMA_VERSION
from mfpt_coord.server.stored_values import load_state, meta
from mfpt_shared.errors import Damaged, Incompatible, MfptError, UsageError
from mfpt_shared.keys import PublicKey, fingerprint


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a database or a backup holds.

    Attributes:
        file: Path of the file.
        federation: Name of the federation.
        plan: Digest of its plan.
        version: Newest version.
        devices: Number of devices that are known.
        waiting: Number of updates that are in no version yet.
        bytes: Size of the file.
        key: Fingerprint of the coordinator's key.
        made: When the backup was made, Unix seconds; None: it is a database in use.
    """

    file: str
    federation: str
    plan: str
    version: int
    devices: int
    waiting: int
    bytes: int
    key: str
    made: float | None = None


def look_through(file: Path) -> Summary:
    """Read all of a database or a backup that is not encrypted, and say what it holds.

    Raises:
        Damaged: It is damaged, or not a coordinator's.
        Incompatible: Another version of mfpt wrote it.
        MfptError: It cannot be read.
    """
    with reading(file) as database:
        check(database, file, pragma="integrity_check")
        _check_version(database, file)
        state, key = load_state(database, file), PublicKey(meta(database, file, "key", b""))
        made = database.execute(f"SELECT made FROM {BACKUP_TABLE}").fetchone()[0] if holds_key(database) else None  # noqa: S608 - our own name
    return Summary(
        file=str(file),
        federation=state.plan.federation,
        plan=state.plan.digest,
        version=state.version,
        devices=len(state.clients),
        waiting=waiting_updates(state),
        bytes=file.stat().st_size,
        key=fingerprint(key) if key else "",
        made=made,
    )


def _check_version(database: sqlite3.Connection, file: Path) -> None:
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version != SCHEMA_VERSION:
        raise Incompatible(
            f"{file} was written by an earlier mfpt-coord (schema version {version}; this one needs {SCHEMA_VERSION}): "
            "use it with that one; `serve` of this one then upgrades its data folder"
        )


def holds_key(database: sqlite3.Connection) -> bool:
    """Tell whether a database is a backup."""
    found = database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (BACKUP_TABLE,))
    return found.fetchone() is not None


def is_backup(file: Path) -> bool:
    """Tell whether a file is a backup, encrypted or not; one that is damaged may be none.

    Raises:
        OSError: It cannot be read.
    """
    if is_encrypted(file):
        return True
    with suppress(MfptError), reading(file) as database:
        return holds_key(database)
    return False


@contextmanager
def opened_backup(file: Path, passphrase: str | None) -> Iterator[tuple[Path, Summary]]:
    """Read all of a backup, and give a file of its content that is not encrypted, and what it holds.

    Args:
        file: Path of the backup.
        passphrase: What it was encrypted with.

    Raises:
        UsageError: It does not exist, is no backup, or is encrypted and there is no passphrase.
        Damaged: It is damaged, or the passphrase is another one.
        Incompatible: Another version of mfpt wrote it.
        MfptError: It cannot be read.
    """
    with _decrypted(file, passphrase) as plain:
        try:
            found = look_through(plain)
        except DamagedDatabase as error:
            raise Damaged(f"{error.problem}: take an earlier backup") from error
        if found.made is None:
            raise UsageError(f"{file} is not a backup, but a database in use: mfpt-coord db backup makes one of it")
        yield plain, msgspec.structs.replace(found, file=str(file), bytes=file.stat().st_size)


def look_through_backup(file: Path, passphrase: str | None) -> Summary:
    """Read all of a backup, and say what it holds; see `opened_backup`."""
    with opened_backup(file, passphrase) as (_, found):
        return found


@contextmanager
def _decrypted(file: Path, passphrase: str | None) -> Iterator[Path]:
    """Give a file as it is, or, if it is encrypted, a private copy that is not, until the context ends."""
    try:
        needs_passphrase = is_encrypted(file)
    except FileNotFoundError as error:
        raise UsageError(f"{file} does not exist") from error
    except OSError as error:
        raise MfptError(f"cannot read {file}: {error.strerror}") from error
    if not needs_passphrase:
        yield file
        return
    if passphrase is None:
        raise UsageError(f"{file} is encrypted: name the file with its passphrase with --passphrase-file")
    with tempfile.TemporaryDirectory(prefix="mfpt") as folder:
        plain = Path(folder) / "backup"
        try:
            decrypt(file, plain, passphrase)
        except OSError as error:
            raise MfptError(f"cannot decrypt {file} into {plain}: {error.strerror}") from error
        yield plain
