"""What a coordinator's database holds, or the error that says that it cannot be read."""

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec

from mfpt_coord.core.state import State
from mfpt_coord.server.stored_errors import damaged, explained
from mfpt_coord.server.stored_rows import Rows
from mfpt_coord.server.stored_state import read_state
from mfpt_shared.errors import DecodeError, PlanError
from mfpt_shared.plan_files import plan_from_json
from mfpt_shared.protocol.messages import UpdateCounts

UNREADABLE: Final = (DecodeError, PlanError, msgspec.MsgspecError, AssertionError, LookupError, TypeError, ValueError)
"""What reading a damaged value raises."""


def load_state(database: sqlite3.Connection, path: Path) -> State:
    """Return the state that a database holds.

    Args:
        database: Connection that need not be able to write.
        path: Path of the database, for messages.

    Raises:
        Damaged: It cannot be read.
    """
    try:
        return state_of(database)
    except sqlite3.Error as error:
        raise explained(error, path) from error
    except UNREADABLE as error:
        raise damaged(path, f"what it holds cannot be read: {error}") from error


def state_of(rows: Rows) -> State:
    """Return the state that a database of any engine holds.

    Raises:
        LookupError: It has no plan.
        Exception: It cannot be read; one of `UNREADABLE`, or the engine's own.
    """
    plan = plan_from_json(value_of(rows, "plan"))
    counts = msgspec.json.decode(value_of(rows, "counts", b"{}"), type=UpdateCounts)
    former = msgspec.json.decode(value_of(rows, "former", b"[]"), type=tuple[str, ...])
    return replace(read_state(rows, plan, counts), former=former)


def value_of(rows: Rows, key: str, default: bytes | None = None) -> bytes:
    """Return a value that a database holds once.

    Raises:
        LookupError: There is none, and no default.
    """
    row = rows.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    if row is not None:
        return bytes(row[0])
    if default is None:
        raise LookupError(f"it has no {key}")
    return default


def meta(database: sqlite3.Connection, path: Path, key: str, default: bytes | None = None) -> bytes:
    """Return a value that a database holds once.

    Args:
        database: Connection.
        path: Path of the database, for messages.
        key: Name of the value.
        default: What to return where there is none.

    Raises:
        Damaged: There is none, and no default.
    """
    try:
        return value_of(database, key, default)
    except LookupError as error:
        raise damaged(path, str(error.args[0])) from error
