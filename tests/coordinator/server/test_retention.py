"""What the store forgets, when, and what becomes of databases that older versions kept everything in."""

import contextlib
import hashlib
import json
import math
import resource
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mfpt_coord.core.effects import SaveUpdate
from mfpt_coord.server.store import SqliteStore
from mfpt_coord.server.stored_forgetting import forget
from mfpt_shared.errors import Incompatible
from support.history import LANGUAGES, History, Shelf

OLD_SCHEMA = Path(__file__).parents[2] / "support" / "old_schema.sql"
TO_VERSION_5 = """
DROP TABLE totals;
DROP TABLE history;
DROP TABLE audit;
DROP TABLE best;
PRAGMA user_version = 5;
"""
TO_VERSION_4 = f"""
{TO_VERSION_5}
DROP TABLE cohorts;
ALTER TABLE updates DROP COLUMN cohort;
PRAGMA user_version = 4;
"""
TO_VERSION_3 = f"""
{TO_VERSION_4}
DROP TABLE own_shares;
CREATE TABLE judgements (language TEXT, device TEXT, errors REAL, times INTEGER, PRIMARY KEY (language, device));
PRAGMA user_version = 3;
"""
TABLES = ("meta", "clients", "updates", "folds", "prompts", "distances", "comparisons", "directions")
OLD_VERSIONS = pytest.mark.parametrize("version", [2, 3, 4, 5])


def a_history(path: Path, keep: float = 0.0) -> History:
    return History(Shelf(path, SqliteStore(path, keep), sqlite3.IntegrityError), seed=3)


def query(path: Path, text: str) -> list[tuple[Any, ...]]:
    database = sqlite3.connect(path)
    try:
        return database.execute(text).fetchall()
    finally:
        database.close()


def updates_of(history: History, folds: int) -> list[bytes]:
    """Let updates come until there are so many folds more, and return the payloads of the accepted ones."""
    payloads, goal = [], history.state.version + folds
    while history.state.version < goal:
        history.sequences["c1"] += 1
        history.now += 10
        effects = history.update("c1", history.sequences["c1"])
        payloads += [effect.payload for effect in effects if isinstance(effect, SaveUpdate)]
    return payloads


def test_the_bytes_of_a_folded_update_are_in_no_file(tmp_path: Path) -> None:
    history = a_history(tmp_path / "state.db")
    payloads = updates_of(history, folds=2)
    assert len(payloads) >= 6
    files = [file.read_bytes() for file in tmp_path.iterdir()]
    assert len(files) == 3, "the database, its log and the log's index, all open"
    # The body alone: what follows the header is the change of the prompt.
    assert [payload for payload in payloads for file in files if payload[-60:] in file] == []
    history.shelf.store.close()


def test_the_bytes_of_an_update_that_waits_are_there(tmp_path: Path) -> None:
    history = a_history(tmp_path / "state.db")
    updates_of(history, folds=1)
    history.sequences["c1"] += 1
    (waiting,) = [one for one in history.update("c1", history.sequences["c1"]) if isinstance(one, SaveUpdate)]
    history.shelf.store.close()
    assert query(tmp_path / "state.db", "SELECT payload FROM updates WHERE payload IS NOT NULL") == [(waiting.payload,)]


def test_a_folded_update_leaves_its_row_and_its_digest(tmp_path: Path) -> None:
    history = a_history(tmp_path / "state.db")
    payloads = updates_of(history, folds=2)
    history.shelf.store.close()
    digests = [(hashlib.sha256(payload).digest(), None) for payload in payloads]
    assert query(tmp_path / "state.db", "SELECT sha256, payload FROM updates ORDER BY number") == digests


def test_what_is_left_of_folded_updates_is_packed_densely(tmp_path: Path) -> None:
    """A row that only shrinks keeps its place on a page that hardly holds anything else: 4 kB for each update."""
    history, path, per_fold = a_history(tmp_path / "state.db"), tmp_path / "state.db", 25
    history.shelf.store.close()
    row = "INSERT INTO updates VALUES (NULL, 'c', ?, 'swh', 0, 0, 10, 1.0, ?, randomblob(32), randomblob(11000), NULL)"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        for version in range(1, 41):
            database.execute("BEGIN")
            numbers = range(version * per_fold, (version + 1) * per_fold)
            database.executemany(row, [(number, version) for number in numbers])
            database.execute("INSERT INTO folds VALUES (?, 1.0, '[]', '[]', x'')", (version,))
            forget(database, 1.0)
            database.execute("COMMIT")
        database.execute("VACUUM INTO ?", (str(tmp_path / "compact.db"),))
        pages = database.execute("SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count")
        used = 4096 * pages.fetchone()[0]
    assert used < 2 * (tmp_path / "compact.db").stat().st_size


def test_each_language_keeps_its_newest_prompt_and_its_best_one_alone(tmp_path: Path) -> None:
    history = a_history(tmp_path / "state.db")
    updates_of(history, folds=3)
    history.shelf.store.close()
    found = query(tmp_path / "state.db", "SELECT language, version FROM prompts")
    kept = {(language, 3) for language in history.state.prompts}
    assert set(found) == kept | {(language, best.version) for language, best in history.state.best.items()}
    assert len(found) > len(kept)


def test_kept_for_ever_means_every_payload_and_every_prompt(tmp_path: Path) -> None:
    history = a_history(tmp_path / "state.db", math.inf)
    payloads = updates_of(history, folds=3)
    history.shelf.store.close()
    assert query(tmp_path / "state.db", "SELECT payload FROM updates ORDER BY number") == [(one,) for one in payloads]
    assert query(tmp_path / "state.db", "SELECT version FROM prompts WHERE language = 'und' ORDER BY version") == [
        (0,), (1,), (2,), (3,),
    ]  # fmt: skip


def test_what_is_kept_for_a_while_goes_afterwards(tmp_path: Path) -> None:
    history = a_history(tmp_path / "state.db", keep=1000.0)
    old = updates_of(history, folds=1)
    history.now += 990
    new = updates_of(history, folds=1)
    history.shelf.store.close()
    assert query(tmp_path / "state.db", "SELECT payload FROM updates ORDER BY number") == [
        *((None,) for _ in old), *((one,) for one in new),
    ]  # fmt: skip


@contextlib.contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_fold_counts_even_if_the_database_file_cannot_grow(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "state.db"
    history = a_history(path, math.inf)
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("INSERT INTO meta VALUES ('padding', zeroblob(1000000))")
    updates_of(history, folds=1)
    # Large enough for the log of a fold; the database itself soon needs more.
    size = path.stat().st_size
    while not caplog.records:
        with no_file_larger_than(size):
            updates_of(history, folds=1)
    assert "disk" in caplog.text
    loaded = history.shelf.reopen().load()
    assert loaded is not None
    assert loaded.version == history.state.version
    updates_of(history, folds=1)
    history.shelf.store.close()


def test_a_fold_counts_while_somebody_reads_the_database_and_the_next_one_forgets_its_updates(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "state.db"
    history = a_history(path)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM updates").fetchall()
        payloads = updates_of(history, folds=1)
    assert "another program reads" in caplog.text
    updates_of(history, folds=1)
    files = [file.read_bytes() for file in tmp_path.iterdir()]
    assert not any(payload[-60:] in file for payload in payloads for file in files)
    history.shelf.store.close()


def test_a_start_forgets_what_an_earlier_run_kept(tmp_path: Path) -> None:
    history = a_history(tmp_path / "state.db", math.inf)
    payloads = updates_of(history, folds=2)
    history.shelf.store.close()
    store = SqliteStore(tmp_path / "state.db")
    store.forget(history.now)
    database = (tmp_path / "state.db").read_bytes()
    store.close()
    assert not any(payload[-60:] in database for payload in payloads)


def test_a_new_store_has_nothing_to_forget(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")
    store.forget(1000.0)
    assert store.load() is None
    store.close()


def with_old_schema(path: Path, into: Path, version: int) -> None:
    """Copy a database to one with the tables and the plan of an older version."""
    if version > 2:
        shutil.copy(path, into)
    old = sqlite3.connect(into)
    older = {3: TO_VERSION_3, 4: TO_VERSION_4, 5: TO_VERSION_5}
    old.executescript(OLD_SCHEMA.read_text(encoding="utf-8") if version == 2 else older[version])
    if version == 2:
        old.execute("ATTACH ? AS new", (str(path),))
        for table in TABLES:
            columns = ", ".join(row[1] for row in old.execute(f"PRAGMA main.table_info({table})"))
            old.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}")
    plan = json.loads(old.execute("SELECT value FROM meta WHERE key = 'plan'").fetchone()[0])
    if version < 4:
        plan["aggregation"]["distance_bias"] = 0.001
    old.execute("UPDATE meta SET value = ? WHERE key = 'plan'", (json.dumps(plan).encode(),))
    old.commit()
    old.close()


@OLD_VERSIONS
def test_a_database_of_a_version_before_is_upgraded_and_loses_nothing(tmp_path: Path, version: int) -> None:
    history = a_history(tmp_path / "new.db", math.inf)
    history.happen(60)
    before = history.shelf.reopen().load()
    history.shelf.store.close()
    assert before is not None
    with_old_schema(tmp_path / "new.db", tmp_path / "old.db", version)
    store = SqliteStore(tmp_path / "old.db", math.inf)
    after = store.load()
    store.close()
    assert after is not None
    assert (after.plan.aggregation, after.plan.task) == (before.plan.aggregation, before.plan.task)
    assert (after.version, after.counts, after.contributed) == (before.version, before.counts, before.contributed)
    assert set(after.clients) == set(before.clients)
    assert set(after.prompts) == set(before.prompts) >= {LANGUAGES[0]}
    assert [one.header for one in after.buffer] == [one.header for one in before.buffer]
    for one, other in zip(after.buffer, before.buffer, strict=True):
        np.testing.assert_array_equal(one.delta, other.delta)
    for text in ("SELECT number, sha256, payload FROM updates ORDER BY number", "PRAGMA user_version"):
        assert query(tmp_path / "old.db", text) == query(tmp_path / "new.db", text)


@OLD_VERSIONS
def test_an_upgraded_database_goes_on(tmp_path: Path, version: int) -> None:
    history = a_history(tmp_path / "new.db", math.inf)
    history.happen(40)
    history.shelf.store.close()
    with_old_schema(tmp_path / "new.db", tmp_path / "old.db", version)
    history.shelf = Shelf(tmp_path / "old.db", SqliteStore(tmp_path / "old.db"), sqlite3.IntegrityError)
    history.happen(40)
    loaded = history.shelf.reopen().load()
    history.shelf.store.close()
    assert loaded is not None
    assert (loaded.version, loaded.counts) == (history.state.version, history.state.counts)


def test_updates_that_cannot_be_read_stop_an_upgrade_before_it_changes_anything(tmp_path: Path) -> None:
    history = a_history(tmp_path / "new.db", math.inf)
    updates_of(history, folds=1)
    history.shelf.store.close()
    with_old_schema(tmp_path / "new.db", tmp_path / "old.db", 2)
    database = sqlite3.connect(tmp_path / "old.db", 2)
    database.execute("UPDATE updates SET fold = NULL, payload = x'4d46505401'")
    database.commit()
    database.close()
    with pytest.raises(Incompatible, match="older protocol"):
        SqliteStore(tmp_path / "old.db")
    assert query(tmp_path / "old.db", "PRAGMA user_version") == [(2,)]
