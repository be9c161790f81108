"""Copies of what a coordinator or a device keeps, taken while it runs, and restored later."""

import contextlib
import shutil
import sqlite3
from pathlib import Path

from mfpt_coord.server.data_folder import DATABASE_FILE
from support.ledger import Entry, stored_in


def copied_database(data: Path, copy: Path) -> None:
    """Copy the database of a coordinator that runs, with SQLite's own backup."""
    copy.mkdir(parents=True)
    with (
        contextlib.closing(sqlite3.connect(data / DATABASE_FILE)) as source,
        contextlib.closing(sqlite3.connect(copy / DATABASE_FILE)) as target,
    ):
        source.backup(target)


def restored_database(copy: Path, data: Path) -> frozenset[Entry]:
    """Replace the database of a coordinator that has ended by a copy; return the updates that are lost by that."""
    lost = stored_in(data) - stored_in(copy)
    for file in data.glob(f"{DATABASE_FILE}*"):
        file.unlink()
    shutil.copy(copy / DATABASE_FILE, data / DATABASE_FILE)
    return lost


def restored_folder(copy: Path, folder: Path) -> None:
    """Replace the state folder of a device that has ended by a copy."""
    shutil.rmtree(folder)
    shutil.copytree(copy, folder)
