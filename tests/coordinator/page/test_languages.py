"""Whether each language is better for the federation, and which helps which."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from mfpt_coord.core.standing import Best
from mfpt_coord.page.heat import heat
from mfpt_coord.page.languages import LanguageView, verdict
from mfpt_coord.page.listing import Asked
from mfpt_coord.page.names import Names
from mfpt_coord.page.past import Past
from mfpt_coord.server.stored_schema import SCHEMA
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from support.coordinator_core import SWAHILI, ZULU, Federation

BEST = Best(version=3, accuracy=0.8, examples=500)


@pytest.mark.parametrize(
    ("accuracy", "first", "best", "measured", "said"),
    [
        (None, None, None, 0, "unmeasured"),
        (0.5, 0.5, None, 1, "new"),
        (0.7, 0.5, BEST, 5, "worse"),
        (0.79, 0.5, BEST, 5, "better"),
        (0.5, 0.5, None, 5, "same"),
        (0.51, 0.5, Best(3, 0.52, 8), 5, "same"),
    ],
)
def test_a_language_is_judged_by_its_first_and_its_best_version(
    accuracy: float | None, first: float | None, best: Best | None, measured: int, said: str
) -> None:
    assert verdict(accuracy, first, best, measured) == said


def past_with(**weights: dict[str, float]) -> Past:
    past = Past()
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.executescript(SCHEMA)
        for language, parts in weights.items():
            line = (1, language, 1.0, 0.5, 0.25, json.dumps(parts), None)
            database.execute("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?)", line)
        past.catch_up(database)
    return past


def view(past: Past) -> LanguageView:
    federation = Federation()
    federation.ready("a", SWAHILI)
    federation.ready("b", ZULU)
    return LanguageView(replace(federation.state, kept={SWAHILI: 0.25}), past, Names())


def test_a_language_is_listed_with_its_name_and_what_it_learns_from() -> None:
    page = view(past_with(swh={"swh": 0.3, "zul": 0.1}, zul={}, und={"swh": 1.0})).listed(Asked(search="SWAHILI"))
    (row,) = page.rows
    assert (row.language, row.name, row.devices, row.own_share, row.spark) == ("swh", "Swahili", 1, 0.25, [0.5])
    assert [(one.language, one.part) for one in row.helpers] == [("swh", 0.75), ("zul", 0.25)]


def test_the_prompt_that_no_device_speaks_is_no_language_and_helps_nobody() -> None:
    seen = view(past_with(swh={"zul": 1.0}, und={"zul": 1.0}))
    assert UNDETERMINED not in seen.languages
    assert [one.language for one in seen.helped(ZULU)] == ["swh"]


def test_languages_that_get_worse_come_first_and_can_be_asked_for_alone() -> None:
    seen = view(past_with(swh={}, zul={}))
    assert seen.verdicts()["new"] == 2
    assert seen.listed(Asked(only="new")).total == 2
    assert seen.listed(Asked(only="worse")).total == 0


def test_the_columns_of_a_heat_map_begin_with_its_rows_and_end_with_those_that_help_most() -> None:
    past = past_with(swh={"swh": 0.5, "zul": 0.1, "hau": 0.1, "yor": 0.3}, zul={"zul": 1.0})
    found = heat(view(past), past, Names(), Asked(sort="language"))
    assert [row.language for row in found.rows] == ["swh", "zul"]
    assert [column.language for column in found.columns] == ["swh", "zul", "yor", "hau"]
    assert found.parts["swh"] == {"swh": 0.5, "zul": 0.1, "hau": 0.1, "yor": 0.3}
    assert found.others == 0


def test_a_page_of_a_heat_map_shows_what_moves_its_own_rows() -> None:
    past = past_with(swh={"yor": 1.0}, zul={"hau": 1.0})
    found = heat(view(past), past, Names(), Asked(sort="language", size=1, page=2))
    assert [row.language for row in found.rows] == ["zul"]
    assert [column.language for column in found.columns] == [LanguageCode("hau")]
