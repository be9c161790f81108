"""The files of a data folder, and the signs that one was in use."""

import math
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final

from mfpt_coord.server.store import SqliteStore
from mfpt_shared.atomic import remove_unfinished, write_durably
from mfpt_shared.errors import Damaged, InUse, MfptError, UsageError
from mfpt_shared.folders import owned
from mfpt_shared.keys import PublicKey, SigningKey, fingerprint

DATABASE_FILE: Final = "coordinator.sqlite"
KEY_FILE: Final = "coordinator.key"
BROKER_FOLDER: Final = "broker"
# What a folder is called that a restored backup has moved aside, followed by the time.
REPLACED_PREFIX: Final = "replaced-"
CERTIFICATE_FILE: Final = "broker.crt"
CERTIFICATE_KEY_FILE: Final = "broker.key"
PAGE_CERTIFICATE_FILE: Final = "page.crt"
PAGE_KEY_FILE: Final = "page.key"


def open_store(data_dir: Path, keep: float = 0.0) -> SqliteStore:
    """Open the store of a data folder that this process owns; a folder that was never used gets a new one.

    Args:
        data_dir: Data folder.
        keep: How long folded updates and replaced prompts are kept, seconds; infinite: for ever.

    Raises:
        Damaged: The database cannot be used, or has gone from a folder that was in use.
        Incompatible: Another version of mfpt wrote it.
        MfptError: It cannot be read or written.
    """
    remove_unfinished(data_dir)
    database = data_dir / DATABASE_FILE
    if not database.exists() and (signs := signs_of_use(data_dir)):
        raise Damaged(
            f"{data_dir} was in use ({', '.join(signs)}), but {DATABASE_FILE} is missing: put a backup back with "
            "`mfpt-coord db restore FILE --force`; a new federation begins in an empty --data-dir"
        )
    return SqliteStore(database, keep)


def database_of(data_dir: Path) -> Path:
    """Return the path of the database in a data folder.

    Raises:
        UsageError: There is none.
    """
    database = data_dir / DATABASE_FILE
    if not database.exists():
        raise UsageError(f"{data_dir} holds no {DATABASE_FILE}: name the coordinator's folder with --data-dir")
    return database


@contextmanager
def stopped(data_dir: Path) -> Iterator[None]:
    """Own a data folder until the context ends, so that no coordinator runs on it.

    Raises:
        InUse: One does.
        MfptError: The folder cannot be written to.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(owned(data_dir, "--data-dir"))
        except InUse as error:
            raise InUse(f"a coordinator runs on {data_dir}: stop it first") from error
        yield


def compact(data_dir: Path) -> tuple[int, int]:
    """Write the database of a data folder anew, without the room that what was removed has left.

    Returns:
        Size of the database before and after, bytes.

    Raises:
        UsageError: There is none.
        InUse: A coordinator runs on the folder, or another program reads the database.
        Damaged: The database is damaged.
        MfptError: There is no room for both.
    """
    database = database_of(data_dir)
    with stopped(data_dir), closing(open_store(data_dir, math.inf)) as store:
        before = database.stat().st_size
        store.compact()
        return before, database.stat().st_size


def signs_of_use(data_dir: Path) -> list[str]:
    """Return the names of what only a coordinator that has run leaves in its data folder."""
    moved = sorted(data_dir.glob(f"{REPLACED_PREFIX}*"))
    return [path.name for path in (*files_of_a_coordinator(data_dir), *moved)]


def files_of_a_coordinator(data_dir: Path) -> list[Path]:
    """Return the files and folders in a data folder that belong to one coordinator."""
    certificates = (CERTIFICATE_FILE, CERTIFICATE_KEY_FILE, PAGE_CERTIFICATE_FILE, PAGE_KEY_FILE)
    names = (DATABASE_FILE, f"{DATABASE_FILE}-wal", f"{DATABASE_FILE}-shm", KEY_FILE, BROKER_FOLDER)
    return [path for name in (*names, *certificates) if (path := data_dir / name).exists() or path.is_symlink()]


def open_key(file: Path, known: PublicKey | None, *, has_run: bool) -> SigningKey:
    """Return the coordinator's key. A new one is made where no device can know an earlier one.

    Args:
        file: Where the key is kept.
        known: The key by which devices know the coordinator; None: no run has noted it.
        has_run: Whether this coordinator has run before.

    Raises:
        Damaged: It cannot be read, has gone, or is another one.
        MfptError: It cannot be written.
    """
    advice = (
        "put it back from a backup, or copy it from the other machine that serves this federation; without it, no "
        "device believes this coordinator"
    )
    try:
        if not has_run and not file.exists():
            write_durably(file, SigningKey.generate().to_pem())
        key = SigningKey.from_pem(file.read_bytes())
    except FileNotFoundError as error:
        raise Damaged(f"{file} is missing: {advice}") from error
    except OSError as error:
        raise MfptError(f"cannot use {file}: {error.strerror}") from error
    except Damaged as error:
        raise Damaged(f"{file}: {error}; {advice}") from error
    if known is not None and key.public != known:
        raise Damaged(
            f"{file} is the key {fingerprint(key.public)}, and devices know this coordinator by {fingerprint(known)}: "
            f"{advice}"
        )
    return key
