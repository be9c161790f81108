"""Versions as the page shows them: what each update moved, and under masks what each group did."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing

import numpy as np
import pytest

from mfpt_coord.page.listing import Asked
from mfpt_coord.page.names import Names
from mfpt_coord.page.versions import version_detail, versions
from mfpt_coord.server.stored_schema import SCHEMA


@pytest.fixture
def rows() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.executescript(SCHEMA)
        yield database


def fold(rows: sqlite3.Connection, version: int, updates: Sequence[str], weights: Sequence[Sequence[float]]) -> None:
    """Write a version of `und`, `swh` and `zul`; `weights` are [targets, updates]."""
    made_of = json.dumps([[client, 1] for client in updates])
    values = (version, 100.0 * version, '["und", "swh", "zul"]', made_of, np.array(weights, np.float64).tobytes())
    rows.execute("INSERT INTO folds VALUES (?, ?, ?, ?, ?)", values)


def update(rows: sqlite3.Connection, client: str, language: str, version: int, cohort: str | None = None) -> None:
    values = (client, 1, language, 0, 1, 10, 90.0, version, b"", None, cohort)
    rows.execute(
        "INSERT INTO updates (client, sequence, language, base_version, staleness, examples, received, fold, sha256, "
        "payload, cohort) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values,
    )


WEIGHTS = [[0.0, 0.0, 0.0], [0.6, 0.2, 0.0], [0.1, 0.3, 0.0]]


def test_an_update_is_shown_with_the_languages_that_it_moved_most(rows: sqlite3.Connection) -> None:
    fold(rows, 1, ["a", "b", "c"], WEIGHTS)
    for client, language in (("a", "swh"), ("b", "zul"), ("c", "zul")):
        update(rows, client, language, 1)
    detail = version_detail(rows, 1, Names())
    assert detail is not None
    assert (detail.updates, detail.languages, detail.masked) == (3, 2, False)
    first = detail.parts[0]
    assert (first.device, [one.name for one in first.languages], first.examples, first.staleness) == (
        "a",
        ["Swahili"],
        10,
        1,
    )
    assert [(one.language, one.part) for one in first.moved] == [("swh", 0.6), ("zul", 0.1)]
    assert [part.part for part in detail.parts] == [0.35, 0.25, 0.0]
    assert detail.parts[-1].moved == []


def test_under_masks_a_group_is_shown_and_no_device(rows: sqlite3.Connection) -> None:
    fold(rows, 1, ["a", "b", "c"], WEIGHTS)
    for client, language, cohort in (("a", "swh", "k1"), ("b", "zul", "k1"), ("c", "zul", "k2")):
        update(rows, client, language, 1, cohort)
    detail = version_detail(rows, 1, Names())
    assert detail is not None
    assert detail.masked
    first = detail.parts[0]
    assert (first.group, first.device, first.devices, first.examples) == ("k1", "", 2, 20)
    assert [one.language for one in first.languages] == ["swh", "zul"]
    assert [one.part for one in first.moved] == [0.8, 0.4]
    assert not any(part.device for part in detail.parts)


def test_an_update_whose_row_is_gone_still_shows_what_it_moved(rows: sqlite3.Connection) -> None:
    fold(rows, 1, ["a", "b", "c"], WEIGHTS)
    detail = version_detail(rows, 1, Names())
    assert detail is not None
    assert (detail.parts[0].device, detail.parts[0].languages, detail.parts[0].received) == ("a", [], None)


def test_versions_come_newest_first_and_say_which_went_back(rows: sqlite3.Connection) -> None:
    fold(rows, 1, ["a", "b", "c"], WEIGHTS)
    fold(rows, 2, [], [[], [], []])
    rows.execute("INSERT INTO history VALUES (2, 'swh', 200.0, NULL, NULL, '{}', 1)")
    page = versions(rows, Asked())
    assert [(row.version, row.updates, row.back, row.languages) for row in page.rows] == [(2, 0, 1, 1), (1, 3, None, 0)]
    assert (page.total, page.pages) == (2, 1)
    detail = version_detail(rows, 2, Names())
    assert detail is not None
    assert detail.parts == []


def test_a_version_that_is_not_kept_is_none(rows: sqlite3.Connection) -> None:
    assert version_detail(rows, 7, Names()) is None
