"""What coordinators have written into a PostgreSQL database."""

import asyncio
import contextlib
import json
from typing import LiteralString

import psycopg

from support.inbox import SECONDS


async def until_connected(url: str, coordinators: int) -> None:
    """Wait until so many coordinators are connected to the database."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mfpt-coord'"
    async with asyncio.timeout(SECONDS):
        while _one(url, query) < coordinators:
            await asyncio.sleep(0.1)  # the server tells nobody who connects


def _one(url: str, query: LiteralString) -> int:
    with contextlib.closing(psycopg.connect(url)) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return int(row[0])


def folded_twice(url: str) -> list[tuple[str, int]]:
    """Return sender and number of each update that is in two folds."""
    with contextlib.closing(psycopg.connect(url)) as connection:
        folds = [json.loads(updates) for (updates,) in connection.execute("SELECT updates FROM mfpt.folds")]
    found = [tuple(one) for updates in folds for one in updates]
    return sorted({one for one in found if found.count(one) > 1})


def stored(url: str) -> set[tuple[str, int]]:
    """Return sender and number of each update that was accepted."""
    with contextlib.closing(psycopg.connect(url)) as connection:
        return {
            (client, sequence) for client, sequence in connection.execute("SELECT client, sequence FROM mfpt.updates")
        }
