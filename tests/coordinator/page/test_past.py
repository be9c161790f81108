"""What the page remembers of the history, and reads but once."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise

import pytest

from mfpt_coord.page.past import Past, Point
from mfpt_coord.server.stored_schema import SCHEMA
from mfpt_shared.languages import LanguageCode

SWAHILI, ZULU = LanguageCode("swh"), LanguageCode("zul")


@pytest.fixture
def rows() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.executescript(SCHEMA)
        yield database


def add(
    rows: sqlite3.Connection,
    version: int,
    language: str,
    accuracy: float | None,
    weights: dict[str, float] | None = None,
    source: int | None = None,
) -> None:
    line = (version, language, 100.0 * version, accuracy, None, json.dumps(weights or {}), source)
    rows.execute("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?)", line)


def test_a_language_has_a_point_for_each_version(rows: sqlite3.Connection) -> None:
    add(rows, 1, "swh", None)
    add(rows, 2, "swh", 0.5)
    past = Past()
    past.catch_up(rows)
    assert past.points(SWAHILI, 10) == [Point(1, 100.0, None, None), Point(2, 200.0, 0.5, None)]
    assert past.first(SWAHILI) == Point(2, 200.0, 0.5, None)
    assert (past.version, past.newest) == (2, 200.0)


def test_what_has_come_since_is_added(rows: sqlite3.Connection) -> None:
    past = Past()
    past.catch_up(rows)
    assert (past.version, past.newest, past.first(SWAHILI)) == (-1, None, None)
    for version in (1, 2):
        add(rows, version, "swh", version / 10)
        past.catch_up(rows)
        past.catch_up(rows)
    assert [point.accuracy for point in past.points(SWAHILI, 10)] == [0.1, 0.2]


def test_a_long_past_is_thinned_out_and_keeps_its_newest_point(rows: sqlite3.Connection) -> None:
    for version in range(1, 1001):
        add(rows, version, "swh", 0.5)
    past = Past()
    past.catch_up(rows)
    points = past.points(SWAHILI, 30)
    assert len(points) <= 30
    assert points[-1].version == 1000
    assert len({after.version - before.version for before, after in pairwise(points)}) == 1


def test_what_moved_a_language_adds_up_to_one_over_the_newest_versions(rows: sqlite3.Connection) -> None:
    add(rows, 1, "swh", None, {"zul": 1.0})
    for version in range(2, 12):
        add(rows, version, "swh", None, {"swh": 0.3, "zul": 0.1})
    past = Past()
    past.catch_up(rows)
    assert past.weights == {"swh": {"swh": 0.75, "zul": 0.25}}


def test_a_way_back_is_remembered(rows: sqlite3.Connection) -> None:
    add(rows, 1, "swh", 0.5)
    add(rows, 2, "swh", 0.5, source=1)
    past = Past()
    past.catch_up(rows)
    assert past.went_back(SWAHILI) == {2: 1}
    assert past.went_back(ZULU) == {}
