"""The words of the pages: catalogues are complete, and a browser gets the language that it would like best."""

from pathlib import Path

import pytest

from catalogues import catalogues, messages, missing, updated, written
from mfpt_shared.web.words import SOURCE, preferred, spoken, words


@pytest.mark.parametrize("file", catalogues(), ids=lambda file: file.parent.parent.name)
def test_every_catalogue_has_every_word_of_the_pages(file: Path) -> None:
    source = messages()
    catalogue = updated(file, source)

    assert list(missing(catalogue)) == []
    assert written(catalogue) == file.read_bytes(), "scripts/words extract puts it in order"


def test_the_pages_speak_english_first() -> None:
    assert spoken() == ("en", "fr", "sw")


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("sw-KE,sw;q=0.9,en;q=0.8", "sw"), ("de,fr-CA;q=0.5,en;q=0.1", "fr"), ("zu", "en"), ("", "en"), ("fr;q=x", "en")],
)
def test_a_browser_gets_the_language_that_it_likes_best_of_those_that_are_spoken(accepted: str, language: str) -> None:
    assert preferred(accepted) == language


def test_a_language_that_is_not_spoken_is_english() -> None:
    assert words("../../etc").language == SOURCE


def test_one_is_a_single_thing_in_english_and_nought_is_in_french() -> None:
    assert words("en").plural[:3] == "101"
    assert words("fr").plural[:3] == "001"
    assert not words("fr").reviewed


def test_no_catalogue_says_something_in_the_words_of_another() -> None:
    french, swahili = words("fr").messages, words("sw").messages

    assert [said for said, forms in french.items() if swahili[said] == forms != (said,)] == []
