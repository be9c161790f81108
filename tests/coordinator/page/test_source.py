"""What the page reads in the coordinator's database takes nothing away from the coordinator."""

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mfpt_coord.page.source import Source
from mfpt_coord.server.data_folder import DATABASE_FILE
from mfpt_coord.server.operator import Operator
from mfpt_coord.server.orders import Invitations, ListInvitations
from mfpt_coord.server.store import SqliteStore
from mfpt_coord.server.stored_rows import Rows
from support.closed import Closed, closed
from support.history import History, Shelf

# Bytes that SQLite locks while it has a database open. Source: https://www.sqlite.org/fileformat2.html#the_lock_byte_page
TRIES_TO_LOCK = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)
"""


def others_can_lock(database: Path) -> bool:
    tried = subprocess.run([sys.executable, "-c", TRIES_TO_LOCK, str(database)], capture_output=True, check=False)
    return tried.returncode == 0


def count_of(rows: Rows) -> int:
    return int(rows.execute("SELECT count(*) FROM folds").fetchone()[0])


def source(federation: Closed, place: Path) -> Source:
    operator = Operator(federation.coordinator, federation.key.public, (federation.broker,))
    return Source(asyncio.get_running_loop(), operator, place)


@pytest.mark.slow
@pytest.mark.network
def test_the_coordinator_s_lock_on_its_database_survives_what_the_page_reads(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    file = tmp_path / "other.sqlite"
    shelf = Shelf(file, SqliteStore(file), ValueError)
    History(shelf, seed=1).happen(20)

    async def scenario() -> None:
        async with closed(tmp_path) as federation:
            assert not others_can_lock(file)
            assert await source(federation, file).read(count_of) >= 0
            assert not others_can_lock(file)

    asyncio.run(asyncio.wait_for(scenario(), 60))
    shelf.store.close()
    assert others_can_lock(file)


@pytest.mark.network
def test_the_coordinator_goes_on_while_the_page_reads(tmp_path: Path) -> None:
    """The page asks in its own thread, as here: the coordinator obeys while a read takes its time."""
    begun, may_end = threading.Event(), threading.Event()

    def slow(rows: Rows) -> int:
        begun.set()
        assert may_end.wait(20)
        return count_of(rows)

    async def scenario() -> None:
        async with closed(tmp_path) as federation:
            page = source(federation, tmp_path / DATABASE_FILE)
            reading = asyncio.create_task(page.read(slow))
            await asyncio.to_thread(begun.wait, 20)
            assert isinstance(await page.order(ListInvitations()), Invitations)
            assert not reading.done()
            may_end.set()
            assert await reading == 0

    asyncio.run(asyncio.wait_for(scenario(), 60))
