"""What a federation of constant size keeps does not grow: rows of updates, weights of folds, and the history."""

import contextlib
import math
import sqlite3
from pathlib import Path

import pytest

from mfpt_coord.core.state import State
from mfpt_coord.server.store import SqliteStore
from mfpt_coord.server.stored_forgetting import KEPT_FOLDS, KEPT_UPDATES, forget
from mfpt_coord.server.stored_history import read_history
from support.history import LANGUAGES, History, Shelf

PER_FOLD = 3
"""Updates that make a version in `support.history`."""


def a_history(path: Path, keep: float = 0.0) -> History:
    return History(Shelf(path, SqliteStore(path, keep), sqlite3.IntegrityError), seed=3)


def let_updates_come(history: History, number: int, device: str = "c1") -> None:
    for _ in range(number):
        history.sequences[device] += 1
        history.now += 10
        history.update(device, history.sequences[device])


def loaded(history: History) -> State:
    state = history.shelf.reopen().load()
    assert state is not None
    return state


def count(path: Path, query: str) -> int:
    with contextlib.closing(sqlite3.connect(path)) as database:
        return int(database.execute(query).fetchone()[0])


def test_only_the_newest_updates_of_a_device_keep_their_rows(tmp_path: Path) -> None:
    history = a_history(tmp_path / "state.db")
    let_updates_come(history, KEPT_UPDATES + 12)
    history.shelf.store.close()
    rows = count(tmp_path / "state.db", "SELECT count(*) FROM updates")
    assert rows <= KEPT_UPDATES + PER_FOLD


@pytest.mark.parametrize("keep", [0.0, math.inf])
def test_totals_are_the_same_whether_or_not_rows_have_gone(tmp_path: Path, keep: float) -> None:
    history = a_history(tmp_path / "state.db", keep)
    let_updates_come(history, KEPT_UPDATES + 20)
    history.happen(60)
    before, after = history.state, loaded(history)
    history.shelf.store.close()
    assert count(tmp_path / "state.db", "SELECT count(*) FROM totals") == 0 or keep == 0.0
    assert (after.counts, after.contributed, after.staleness) == (before.counts, before.contributed, before.staleness)
    assert {one.id: one.folded for one in after.clients.values()} == {
        one.id: one.folded for one in before.clients.values() if one.id in after.clients
    }


def test_the_newest_updates_are_still_recognised(tmp_path: Path) -> None:
    history = a_history(tmp_path / "state.db")
    let_updates_come(history, KEPT_UPDATES + 12)
    newest = history.state.counts
    history.arrives("c1", history.last["c1"])
    assert history.state.counts.accepted == newest.accepted
    history.shelf.store.close()


def test_an_old_update_that_comes_again_after_its_row_went_does_not_count_twice(tmp_path: Path) -> None:
    history = a_history(tmp_path / "state.db")
    let_updates_come(history, 1)
    first = history.last["c1"]
    let_updates_come(history, KEPT_UPDATES + 12)
    before = history.state
    history.arrives("c1", first)
    assert history.state.counts.accepted == before.counts.accepted
    assert len(history.state.buffer) == len(before.buffer)
    history.shelf.store.close()


def test_the_weights_of_old_folds_go_and_the_version_stays(tmp_path: Path) -> None:
    history, path = a_history(tmp_path / "state.db"), tmp_path / "state.db"
    history.shelf.store.close()
    newest = KEPT_FOLDS + 200
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("BEGIN")
        rows = [(version, "[]", "[]", b"") for version in range(1, newest + 1)]
        database.executemany("INSERT INTO folds VALUES (?, 1.0, ?, ?, ?)", rows)
        forget(database, 2.0)
        database.execute("COMMIT")
    assert count(path, "SELECT count(*) FROM folds") == KEPT_FOLDS
    assert count(path, "SELECT max(version) FROM folds") == newest


def test_the_history_keeps_every_tenth_of_its_older_versions(tmp_path: Path) -> None:
    history, path = a_history(tmp_path / "state.db"), tmp_path / "state.db"
    history.shelf.store.close()
    newest = KEPT_FOLDS + 40
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("BEGIN")
        for version in range(1, newest + 1):
            database.execute("INSERT INTO folds VALUES (?, 1.0, '[]', '[]', x'')", (version,))
            database.execute("INSERT INTO history VALUES (?, 'swh', 1.0, 0.5, NULL, '{}', NULL)", (version,))
            forget(database, 2.0)
        kept = [version for (version,) in database.execute("SELECT version FROM history ORDER BY version")]
    assert kept == [10, 20, 30, 40, *range(41, newest + 1)]


def test_every_language_has_a_line_of_history_for_every_version(tmp_path: Path) -> None:
    history = a_history(tmp_path / "state.db")
    history.happen(80)
    languages, version = set(history.state.prompts), history.state.version
    history.shelf.store.close()
    lines = [one for one in read_history(tmp_path / "state.db") if one.version == version]
    assert {one.language for one in lines} == languages
    for one in lines:
        assert one.accuracy is None or 0 <= one.accuracy <= 1
        assert one.own_share is None or 0 <= one.own_share <= 1
        assert 0 < sum(one.weights.values()) <= 1.001
    assert any(one.accuracy is not None for one in lines)


def test_the_history_of_one_language_is_its_own(tmp_path: Path) -> None:
    history = a_history(tmp_path / "state.db")
    history.happen(80)
    history.shelf.store.close()
    lines = read_history(tmp_path / "state.db", LANGUAGES[0])
    assert {one.language for one in lines} == {LANGUAGES[0]}
    assert [one.version for one in lines] == sorted({one.version for one in lines})
