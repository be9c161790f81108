"""`serve` on a data folder that cannot be used: one line, an exit code, and no other plan is served."""

import contextlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from mfpt_coord.server.data_folder import DATABASE_FILE, open_store
from mfpt_coord.server.serve import open_identity, open_state
from support.federation import tiny_plan
from support.programs import messages, run

pytestmark = [pytest.mark.network, pytest.mark.slow]


def with_schema(version: int) -> Callable[[Path], object]:
    def change(database: Path) -> None:
        with contextlib.closing(sqlite3.connect(database)) as connection:
            connection.execute(f"PRAGMA user_version = {version}")

    return change


def into_a_folder(database: Path) -> None:
    database.unlink()
    database.mkdir()


CASES: Final[dict[str, tuple[Callable[[Path], object], int]]] = {
    "an empty database": (lambda database: database.write_bytes(b""), 7),
    "a half copied database": (lambda database: os.truncate(database, 8192), 7),
    "a database that has gone": (lambda database: database.unlink(), 7),
    "a key that has gone": (lambda database: database.with_name("coordinator.key").unlink(), 7),
    "a folder in its place": (into_a_folder, 7),
    "a database of a later version": (with_schema(99), 6),
    "a database of no version": (with_schema(0), 7),
    "a log that is a folder": (lambda database: database.with_name(f"{DATABASE_FILE}-wal").mkdir(), 1),
}


@pytest.mark.parametrize("case", CASES)
def test_a_data_folder_that_cannot_be_used_is_told_in_one_line(tmp_path: Path, case: str) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with contextlib.closing(open_store(data)) as store:
        open_state(store, tiny_plan())
        open_identity(data, store)
    change, code = CASES[case]
    change(data / DATABASE_FILE)

    ended = run(tmp_path, "mfpt_coord", "serve", "--data-dir", str(data), "--listen", "127.0.0.1:0")

    assert ended.returncode == code
    (line,) = messages(ended)
    assert str(data) in line
    assert "bug" not in line
