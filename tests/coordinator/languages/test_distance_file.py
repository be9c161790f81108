"""A user's own language distances: what a file may look like, and what is said about one with a mistake."""

from pathlib import Path

import pytest

from mfpt_coord.core.proximity import distance
from mfpt_coord.core.relations import CUSTOM, pair
from mfpt_coord.languages.distance_file import read_distances
from mfpt_shared.errors import BadData
from mfpt_shared.languages import LanguageCode

SWAHILI, ZULU, YORUBA = (LanguageCode(code) for code in ("swh", "zul", "yor"))
WANTED = {pair(SWAHILI, ZULU): 0.25, pair(SWAHILI, YORUBA): 0.5}

FULL = "language,swh,zul,yor\nswh,0,0.25,0.5\nzul,0.25,0,\nyor,0.5,,0\n"
UPPER = ",swh,zul,yor\nswh,,0.25,0.5\nzul,,,\n"
LOWER = ",swh,zul\nzul,0.25\nyor,0.5\n"
LONG = "first,second,distance\nswh,zul,0.25\nyor,swh,0.5\nzul,yor,\n"


def file_with(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "distances.csv"
    file.write_text(text, encoding="utf-8")
    return file


def read(tmp_path: Path, text: str) -> dict[tuple[LanguageCode, LanguageCode], float]:
    return {two: known[CUSTOM] for two, known in read_distances(file_with(tmp_path, text)).items()}


@pytest.mark.parametrize("text", [FULL, UPPER, LOWER, LONG], ids=["full", "upper half", "lower half", "list"])
def test_a_matrix_half_of_one_and_a_list_say_the_same(text: str, tmp_path: Path) -> None:
    assert read(tmp_path, text) == WANTED


def test_languages_may_be_written_in_any_way(tmp_path: Path) -> None:
    assert read(tmp_path, ",sw-KE,zu\nSWA,,0.25\nyo,0.5,\n") == WANTED


def test_what_spreadsheets_add_is_not_a_mistake(tmp_path: Path) -> None:
    text = '\ufeff"",swh,zul,yor,,\r\nswh,, 0.25 ,0.5,,\r\n,,,,,\r\nzul,,,,,\r\n'
    assert read(tmp_path, text) == WANTED


def test_the_files_distance_counts_instead_of_the_plans_metrics(tmp_path: Path) -> None:
    custom = read_distances(file_with(tmp_path, LONG))
    known = {pair(SWAHILI, ZULU): {"syntactic": 0.9, **custom[pair(SWAHILI, ZULU)]}}
    assert distance(ZULU, SWAHILI, known, ("syntactic",)) == 0.25


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (",swh,zul\nswh,,0.25\nzul,0.75,\n", ("swh", "zul", "0.25", "0.75", "line 2, column 3", "line 3, column 2")),
        ("first,second,distance\nsw,zu,0.25\nzu,sw,0.5\n", ("swh", "zul", "line 2", "line 3")),
        (",swh,zul\nswh,,1.5\n", ("line 2, column 3", "1.5", "0 to 1")),
        (",swh,zul\nswh,,-0.1\n", ("line 2, column 3", "-0.1")),
        (",swh,zul\nswh,,nan\n", ("line 2, column 3", "nan")),
        (",swh,zul\nswh,,near\n", ("line 2, column 3", "near")),
        (",swh,zul\nswh,0.2,0.25\n", ("line 2, column 2", "swh", "itself")),
        (",swh,english\nswh,,0.5\n", ("line 1, column 3", "english")),
        (",swh,zul\nklingon,,0.5\n", ("line 2, column 1", "klingon")),
        (",swh,,zul\nswh,,,0.5\n", ("line 1, column 3", "''")),
        (",swh,und\nswh,,0.5\n", ("line 1, column 3", "und")),
        (",swh,zul,sw\nzul,0.25,,\n", ("columns 2 and 4", "swh")),
        (",swh,zul\nzul,0.25,\nzu,0.25,\n", ("lines 2 and 3", "zul")),
        (",swh,zul\nswh,,0.25,0.5\n", ("line 2, column 4", "0.5")),
        ("first,second,distance\nswh,zul,0.25,0.5\n", ("line 2", "first,second,distance")),
        ("first,second,distance\nswh,zul\n", ("no distance",)),
        ("first,second,distance\nswh,zul,2\n", ("line 2, column 3", "'2'")),
        (",swh,zul\nswh,,\n", ("no distance",)),
        ("", ("empty",)),
        ('"swh', ("line 1",)),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, named: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(BadData) as caught:
        read_distances(file_with(tmp_path, text))

    message = str(caught.value)
    assert [one for one in ("distances.csv", *named) if one not in message] == []
    assert len(message.splitlines()) <= 2


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"missing\.csv"):
        read_distances(tmp_path / "missing.csv")


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "distances.csv"
    file.write_bytes(b",swh\xff\n")
    with pytest.raises(BadData, match=r"distances\.csv is not UTF-8"):
        read_distances(file)


def test_semicolons_with_decimal_commas_are_read_as_a_spreadsheet_in_many_countries_writes_them(tmp_path: Path) -> None:
    assert read(tmp_path, "sep=;\r\n;swh;zul;yor\r\nswh;;0,25;0,5\r\nzul\r\n") == WANTED


@pytest.mark.parametrize("separator", ["\t", ";", "|"])
def test_a_list_of_pairs_may_have_any_separator(separator: str, tmp_path: Path) -> None:
    assert read(tmp_path, LONG.replace(",", separator)) == WANTED


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    file = tmp_path / "distances.csv"
    file.write_bytes(b"first,second,distance\nswh,zul,0.25\nswh,\xff,0.5\n")
    with pytest.raises(BadData, match="line 3: bytes that are not UTF-8"):
        read_distances(file)
