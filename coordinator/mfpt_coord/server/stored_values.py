"""What a coordinator's database holds, or the error that says that it cannot be read."""

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec

from mfpt_coord.core.state import State
from mfpt_coord.server.stored_errors import damaged, explained
from mfpt_coord.server.stored_state import read_state
from mfpt_shared.errors import DecodeError, PlanError
from mfpt_shared.plan_files import plan_from_json
from mfpt_shared.protocol.messages import UpdateCounts

# What reading a damaged value raises.
_UNREADABLE: Final = (DecodeError, PlanError, msgspec.MsgspecError, AssertionError, LookupError, TypeError, ValueError)


def load_state(database: sqlite3.Connection, path: Path) -> State:
    """Return the state that a database holds.

    Args:
        database: Connection that need not be able to write.
        path: Path of the database, for messages.

    Raises:
        Damaged: It cannot be read.
    """
    try:
        plan = plan_from_json(meta(database, path, "plan"))
        counts = msgspec.json.decode(meta(database, path, "counts", b"{}"), type=UpdateCounts)
        former = msgspec.json.decode(meta(database, path, "former", b"[]"), type=tuple[str, ...])
        return replace(read_state(database, plan, counts), former=former)
    except sqlite3.Error as error:
        raise explained(error, path) from error
    except _UNREADABLE as error:
        raise damaged(path, f"what it holds cannot be read: {error}") from error


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
    row = database.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    if row is None and default is None:
        raise damaged(path, f"it has no {key}")
    return bytes(row[0]) if row is not None else default or b""
