"""Reads in the database of a coordinator, which may be at work, and changes nothing."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from mfpt_coord.core.state import State
from mfpt_coord.server.postgres_rows import PostgresRows
from mfpt_coord.server.stored_errors import explained
from mfpt_coord.server.stored_file import check, reading
from mfpt_coord.server.stored_rows import Rows
from mfpt_coord.server.stored_schema import SCHEMA_VERSION
from mfpt_coord.server.stored_values import UNREADABLE, state_of
from mfpt_shared.errors import Damaged, Incompatible

T = TypeVar("T")


def read_rows(place: Path | str, read: Callable[[Rows], T]) -> T:
    """Return what a function reads in a coordinator's database, and change nothing in it.

    Args:
        place: Path of a SQLite file, or URL of a PostgreSQL database.
        read: Reads rows of this version's tables.

    Raises:
        Incompatible: An earlier version of mfpt wrote the file.
        Damaged: It is damaged.
        MfptError: It cannot be read.
    """
    if isinstance(place, str):
        with closing(PostgresRows(place)) as rows:
            return read(rows)
    with reading(place) as database:
        check(database, place, pragma=None)
        if database.execute("PRAGMA user_version").fetchone()[0] < SCHEMA_VERSION:
            raise Incompatible(f"{place} was written by an earlier mfpt-coord: start `serve` on it once, to upgrade it")
        try:
            return read(database)
        except sqlite3.Error as error:
            raise explained(error, place) from error


def read_state(place: Path | str) -> State:
    """Return the state in a coordinator's database, as of its last commit.

    Args:
        place: As for `read_rows`.

    Raises:
        MfptError: As in `read_rows`.
    """
    try:
        return read_rows(place, state_of)
    except UNREADABLE as error:
        where = "the database" if isinstance(place, str) else place  # a URL may hold a password
        raise Damaged(f"what {where} holds cannot be read: {error}") from error
