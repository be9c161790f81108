"""Where the state of a federation is that a command reads."""

from pathlib import Path

from mfpt_coord.server.config import default_data_dir
from mfpt_coord.server.data_folder import database_of
from mfpt_shared.errors import UsageError


def place_of(data_dir: Path | None, store: str | None) -> Path | str:
    """Return the path of the SQLite file in a data folder, or the URL of a PostgreSQL database if one is named.

    Raises:
        UsageError: The URL is not one of PostgreSQL, or nothing is in the folder.
    """
    if store is None:
        return database_of((data_dir or default_data_dir()).absolute())
    return checked_store(store)


def checked_store(url: str) -> str:
    """Return the URL of a PostgreSQL database.

    Raises:
        UsageError: It is not one.
    """
    if not url.startswith(("postgresql://", "postgres://")):
        raise UsageError("--store takes the URL of a PostgreSQL database, postgresql://user@host/database")
    return url
