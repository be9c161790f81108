"""What URIEL+ is asked, and which of its answers are kept."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from mfpt_coord.core.relations import CUSTOM, Distances, pair
from mfpt_coord.languages.distances import with_custom
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from support.desk import URIEL, Desk

SWAHILI, ZULU, YORUBA = (LanguageCode(code) for code in ("swh", "zul", "yor"))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_what_was_asked_once_is_not_asked_again(desk: Desk) -> None:
    first = desk.table("sw", "am", "--metrics", "phonological,genetic")["distances"]["phonological"]
    second = desk.table("am", "sw", "zu", "--metrics", "phonological,genetic")["distances"]["phonological"]

    assert desk.asked == [
        *("genetic amh swh", "phonological amh swh"),
        *("genetic amh zul", "phonological amh zul", "genetic swh zul", "phonological swh zul"),
    ], "also not again what is not known"
    assert first == [[0.0, None], [None, 0.0]]
    assert second == [[0.0, None, 0.75], [None, 0.0, 0.25], [0.75, 0.25, 0.0]]


def test_the_first_time_takes_long_and_says_why(desk: Desk) -> None:
    assert "asking URIEL+" in desk.run("sw", "zu").stderr


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b'{"source": "urielplus 0.1", "distances": {}}'])
def test_a_cache_that_cannot_be_used_is_written_again(content: bytes, desk: Desk) -> None:
    desk.cache.mkdir()
    (desk.cache / "distances.json").write_bytes(content)

    before = desk.table("sw", "zu", "--metrics", "genetic")
    desk.uriel("raise RuntimeError")

    assert before["mean"] == [[0.0, 0.25], [0.25, 0.0]]
    assert desk.table("sw", "zu", "--metrics", "genetic") == before
    assert [file.name for file in desk.cache.iterdir()] == ["distances.json"]


def test_where_uriel_fails_the_reason_is_said_and_nothing_is_kept(desk: Desk) -> None:
    desk.uriel("raise RuntimeError('no memory')")
    result = desk.run("sw", "zu", "--metrics", "genetic", "--json")

    assert result.returncode == 0
    assert "no memory" in result.stderr
    assert json.loads(result.stdout)["distances"]["genetic"] == [[0.0, None], [None, 0.0]]
    assert json.loads(result.stdout)["mean"] == [[0.0, 0.5], [0.5, 0.0]]
    desk.uriel(URIEL)
    assert desk.table("sw", "zu", "--metrics", "genetic")["mean"] == [[0.0, 0.25], [0.25, 0.0]]


def test_a_cache_folder_that_cannot_be_written_to_costs_a_warning(desk: Desk) -> None:
    desk.cache.write_text("a file", encoding="utf-8")
    result = desk.run("sw", "zu", "--metrics", "genetic", "--json")

    assert result.returncode == 0
    assert str(desk.cache) in result.stderr
    assert json.loads(result.stdout)["mean"] == [[0.0, 0.25], [0.25, 0.0]]


def test_a_coordinator_looks_up_only_what_the_operators_file_lacks() -> None:
    asked = []

    async def ask(languages: Iterable[LanguageCode], metrics: Sequence[str]) -> Distances:
        asked.append((sorted(languages), metrics))
        return {pair(SWAHILI, ZULU): {"syntactic": 0.3}, pair(ZULU, YORUBA): {"syntactic": 0.6}}

    look_up = with_custom(ask, {pair(SWAHILI, ZULU): {CUSTOM: 0.1}, pair(SWAHILI, YORUBA): {CUSTOM: 0.2}})

    async def both() -> tuple[Distances, Distances]:
        everything = await look_up([SWAHILI, ZULU, YORUBA, UNDETERMINED], ("syntactic",))
        return everything, await look_up([SWAHILI, ZULU], ("syntactic",))

    found, enough = asyncio.run(both())

    assert asked == [(["yor", "zul"], ("syntactic",))]
    assert found == {
        pair(SWAHILI, ZULU): {"syntactic": 0.3, CUSTOM: 0.1},
        pair(ZULU, YORUBA): {"syntactic": 0.6},
        pair(SWAHILI, YORUBA): {CUSTOM: 0.2},
    }
    assert enough == {pair(SWAHILI, ZULU): {CUSTOM: 0.1}}
