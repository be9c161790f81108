"""The soak: what counts as lost or twice, how growth is measured, and a run at the size of a toy."""

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest

from mfpt_coord.server.stored_forgetting import KEPT_UPDATES
from mfpt_coord.server.stored_schema import SCHEMA
from soaking.audit import Ledger, Update, audit
from soaking.series import slope
from stub_federation.reports import Acknowledged
from support.scripts import run_script

ROW = "INSERT INTO updates VALUES (NULL, ?, ?, 'swh', ?, 0, 10, 1.0, ?, ?, NULL, NULL)"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A coordinator's database: update 1 of device `d` is in version 1, update 2 from it waits."""
    path = tmp_path / "coordinator.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as new:
        new.executescript(SCHEMA)
        new.executemany(ROW, [("d", 1, 0, 1, b"one"), ("d", 2, 1, None, b"two")])
        folded(new, 1, ("d", 1))
        new.commit()
    return path


def folded(database: sqlite3.Connection, version: int, *updates: Update) -> None:
    database.execute("INSERT INTO folds VALUES (?, 1.0, '[]', ?, x'')", (version, json.dumps(updates)))


def told(*acknowledged: tuple[int, bytes]) -> dict[Update, set[str]]:
    """Return the ledger of a device that sent these and was told that they are stored."""
    ledger = Ledger()
    for sequence, content in acknowledged:
        ledger.hear(Acknowledged("d", sequence, content.hex()))
    return ledger.acknowledged


def test_what_is_stored_as_it_was_sent_is_not_lost(database: Path) -> None:
    found = audit(database, told((1, b"one"), (2, b"two")))

    assert (found.acknowledged, found.stored, found.folded, found.waiting) == (2, 2, 1, 1)
    assert (found.lost, found.twice) == (0, 0)


def test_what_was_acknowledged_and_is_not_stored_is_lost(database: Path) -> None:
    assert audit(database, told((1, b"one"), (3, b"three"))).lost == 1


def test_what_was_acknowledged_and_is_stored_otherwise_is_lost(database: Path) -> None:
    assert audit(database, told((1, b"one"), (1, b"another one"))).lost == 1


def test_what_was_acknowledged_after_its_device_was_started_anew_may_have_been_anything(database: Path) -> None:
    assert audit(database, told((1, b""))).lost == 0


def test_what_counts_as_folded_and_is_in_no_version_is_lost(database: Path) -> None:
    with contextlib.closing(sqlite3.connect(database)) as changed:
        changed.execute("DELETE FROM folds")
        changed.commit()

    assert audit(database, {}).lost == 1


def test_what_went_because_many_others_followed_is_not_lost(database: Path) -> None:
    many = 2 + KEPT_UPDATES
    with contextlib.closing(sqlite3.connect(database)) as changed:
        changed.execute("DELETE FROM updates WHERE sequence = 1")
        changed.execute("DELETE FROM folds")
        changed.execute("INSERT INTO totals VALUES ('updates', 'd', 1)")
        changed.execute(ROW, ("d", many, 2, None, b"new"))
        changed.commit()

    found = audit(database, told((1, b"one"), (2, b"two"), (many, b"new")))
    assert (found.lost, found.stored) == (0, 3)
    assert audit(database, told((3, b"three"))).lost == 1


def test_what_is_in_two_versions_is_folded_twice(database: Path) -> None:
    with contextlib.closing(sqlite3.connect(database)) as changed:
        folded(changed, 2, ("d", 1))
        changed.commit()

    assert audit(database, {}).twice == 1


def test_what_is_stored_under_two_numbers_counts_twice(database: Path) -> None:
    with contextlib.closing(sqlite3.connect(database)) as changed:
        changed.execute(ROW, ("d", 3, 1, None, b"two, with another number"))
        changed.commit()

    assert audit(database, {}).twice == 1


def test_growth_is_measured_within_the_lives_of_a_process() -> None:
    first = [(1, float(at), 100.0 + at / 3600) for at in range(0, 100, 10)]
    second = [(2, float(at), 10.0 + at / 3600) for at in range(0, 100, 10)]

    assert slope(first + second) == pytest.approx(1.0)


def test_one_look_shows_no_growth() -> None:
    assert slope([(1, 0.0, 5.0), (2, 9.0, 7.0)]) is None


@pytest.mark.network
@pytest.mark.slow
def test_a_short_soak_loses_nothing(tmp_path: Path) -> None:
    options = ("--minutes", 0.2, "--devices", 10, "--every", 1, "--seed", 3, "--figure", "soak.svg", "--json")
    done = run_script("soaking", *options, cache=tmp_path, cwd=tmp_path)

    assert done.code == 0, done.err
    updates = done.answer["updates"]
    assert updates["acknowledged"] > 0
    assert updates["lost"] == updates["twice"] == updates["waiting"] == 0
    assert updates["stored"] == updates["folded"] >= updates["acknowledged"]
    assert sum(done.answer["faults"].values()) > 0
    assert {"coordinator_rss", "broker_descriptors", "database"} <= done.answer["series"][-1].keys()
    assert (tmp_path / "soak.svg").exists()
    assert "acknowledged" in done.err
