"""Folders with the data of several languages."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mfpt_edge.data.language_folders import find_language, languages_in
from mfpt_shared.errors import UsageError
from mfpt_shared.languages import LanguageCode

SWAHILI, ZULU = LanguageCode("swh"), LanguageCode("zul")


@pytest.mark.parametrize("name", ["swh", "sw", "swh_Latn", "sw_TZ", "sw-KE", "swh-Latn-TZ", "sw_masakhane", "sw-v2"])
def test_a_folder_is_found_by_its_language(tmp_path: Path, name: str) -> None:
    for folder in (name, "zul", "README"):
        (tmp_path / folder).mkdir()
    assert find_language(tmp_path, SWAHILI).name == name


@pytest.mark.parametrize("name", ["swh.csv", "sw.tsv", "swh_Latn.jsonl", "SW.PARQUET", "sw_train.tsv", "sw-train.csv"])
def test_a_file_is_found_by_its_language(tmp_path: Path, name: str) -> None:
    for file in (name, "zul.csv", "swh.txt", "swh.md", "languages.csv"):
        (tmp_path / file).touch()
    assert find_language(tmp_path, SWAHILI).name == name


def test_a_file_of_tagged_words_is_found_where_words_are_labelled(tmp_path: Path) -> None:
    for file in ("sw.conll", "zul.txt", "zul.csv"):
        (tmp_path / file).touch()
    assert find_language(tmp_path, SWAHILI, "tagging").name == "sw.conll"
    assert languages_in(tmp_path, "tagging") == [SWAHILI, ZULU]
    assert languages_in(tmp_path) == [ZULU]


def test_a_language_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "zul").mkdir()
    with pytest.raises(UsageError, match=r"holds nothing for Swahili \(swh\)"):
        find_language(tmp_path, SWAHILI)


def test_a_language_that_is_there_twice_is_an_error_that_names_both(tmp_path: Path) -> None:
    (tmp_path / "swh_Latn").mkdir()
    (tmp_path / "sw.csv").touch()
    with pytest.raises(UsageError, match=r"sw\.csv, swh_Latn"):
        find_language(tmp_path, SWAHILI)


def test_a_language_in_two_scripts_is_asked_about_by_the_names_of_both(tmp_path: Path) -> None:
    for name in ("arb_Arab", "arb_Latn", "ary_Arab"):
        (tmp_path / name).mkdir()
    with pytest.raises(UsageError, match=r"Standard Arabic \(arb\)\. Which one\? .* only arb_Arab or arb_Latn"):
        find_language(tmp_path, LanguageCode("arb"))


@pytest.mark.parametrize("name", ["prs_Arab", "swc_Latn", "tgl_Latn"])
def test_a_language_that_cldr_merges_with_another_has_a_folder_of_its_own(tmp_path: Path, name: str) -> None:
    for folder in ("pes_Arab", "swh_Latn", "fil_Latn", name):
        (tmp_path / folder).mkdir()
    assert find_language(tmp_path, LanguageCode(name[:3])).name == name
    assert len(languages_in(tmp_path)) == 4


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.touch()], ids=["nothing", "a file"])
def test_data_that_is_no_folder_is_an_error(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "data")
    with pytest.raises(UsageError, match="no such folder"):
        find_language(tmp_path / "data", SWAHILI)


def test_the_languages_of_a_folder_are_listed_by_their_codes(tmp_path: Path) -> None:
    for folder in ("zul", "sw_TZ", "README"):
        (tmp_path / folder).mkdir()
    (tmp_path / "yor.md").touch()
    assert languages_in(tmp_path) == [SWAHILI, ZULU]
