"""Makes a data folder of a backup again."""

import logging
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path

from mfpt_coord.core.audit import Deed
from mfpt_coord.server.actors import this_user
from mfpt_coord.server.backup_file import Summary, opened_backup
from mfpt_coord.server.data_folder import DATABASE_FILE, KEY_FILE, REPLACED_PREFIX, files_of_a_coordinator, stopped
from mfpt_coord.server.stored_audit import save_deed
from mfpt_coord.server.stored_file import BACKUP_TABLE, reading
from mfpt_coord.server.stored_schema import SCHEMA_VERSION
from mfpt_coord.server.stored_values import meta
from mfpt_shared.atomic import atomic_file, write_durably
from mfpt_shared.errors import MfptError, UsageError
from mfpt_shared.system.files import replace

_log = logging.getLogger(__name__)


def restore(
    file: Path, data_dir: Path, passphrase: str | None = None, *, force: bool = False
) -> tuple[Summary, Path | None]:
    """Make a data folder of a backup.

    Args:
        file: Path of the backup.
        data_dir: Data folder, on which no coordinator runs.
        passphrase: What it was encrypted with.
        force: Whether what a coordinator has left there may be moved aside, into a folder beside it.

    Returns:
        What was put back, and the folder into which the rest was moved.

    Raises:
        UsageError: There is something already.
        Damaged: The file is not a backup, or is damaged.
        InUse: A coordinator runs there.
        MfptError: The folder cannot be written.
    """
    with opened_backup(file, passphrase) as (plain, found), stopped(data_dir):
        there = files_of_a_coordinator(data_dir)
        if there and not force:
            names = ", ".join(one.name for one in there)
            raise UsageError(f"{data_dir} is in use ({names}): choose another --data-dir, or move it aside (--force)")
        if found.made is not None and found.made > time.time():
            _log.warning(
                "this machine's clock is behind the backup: set it before you start the coordinator, or devices "
                "may take it for an earlier run"
            )
        try:
            return found, _put_back(plain, data_dir, there)
        except OSError as error:
            raise MfptError(f"cannot write to {data_dir}: {error.strerror}") from error


def _put_back(file: Path, data_dir: Path, there: list[Path]) -> Path | None:
    """Put a backup in the place of what is there. Where this is cut off, `serve` sees that the database is missing."""
    least = max((_epoch(one) for one in there), default=0)
    with atomic_file(data_dir / DATABASE_FILE) as made:
        shutil.copyfile(file, made)
        key = _without_key(made, least)
        aside = _moved_aside(data_dir, there)
        write_durably(data_dir / KEY_FILE, key)
    return aside


def _without_key(copy: Path, least: int) -> bytes:
    """Make a database in use of a backup's copy, and return the key.

    Devices follow a run whose epoch is higher than all that they have seen: that of the next run is above `least`, and
    at least the time.
    """
    with closing(sqlite3.connect(copy, isolation_level=None)) as database:
        key: bytes = database.execute(f"SELECT key FROM {BACKUP_TABLE}").fetchone()[0]  # noqa: S608 - our own name
        epoch = max(least, int(meta(database, copy, "epoch", b"0")))
        database.execute("PRAGMA secure_delete = ON")
        database.execute(f"DROP TABLE {BACKUP_TABLE}")
        database.execute("INSERT OR REPLACE INTO meta VALUES ('epoch', ?)", (b"%d" % epoch,))
        # An older backup has no table for it yet: the start that upgrades it is noted in its place.
        if database.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION:
            save_deed(database, Deed(time.time(), this_user(), "restore"))
    return key


def _epoch(file: Path) -> int:
    """Return the epoch of the last run on a database that is to be replaced; 0 where that cannot be read."""
    if file.name == DATABASE_FILE:
        with suppress(MfptError), reading(file) as database:
            return int(meta(database, file, "epoch", b"0"))
    return 0


def _moved_aside(data_dir: Path, there: list[Path]) -> Path | None:
    if not there:
        return None
    aside = Path(tempfile.mkdtemp(prefix=f"{REPLACED_PREFIX}{time.strftime('%Y%m%d')}-", dir=data_dir))
    for one in there:
        replace(one, aside / one.name)
    return aside
