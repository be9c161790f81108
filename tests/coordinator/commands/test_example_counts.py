"""How many examples each language has, as it stands on the command line."""

import pytest

from mfpt_coord.commands.example_counts import described, example_counts
from mfpt_coord.simulate.experiment import Examples
from mfpt_shared.errors import UsageError
from mfpt_shared.languages import LanguageCode

SWAHILI, ENGLISH = LANGUAGES = LanguageCode("swh"), LanguageCode("eng")


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("35", 35),
        ("35,eng=300", {SWAHILI: 35, ENGLISH: 300}),
        ("en=300, 35", {SWAHILI: 35, ENGLISH: 300}),
        ("swh=35,eng=300", {SWAHILI: 35, ENGLISH: 300}),
    ],
)
def test_a_bare_number_is_for_the_languages_that_are_not_named(text: str, counts: Examples) -> None:
    assert example_counts(text, LANGUAGES) == counts


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("many", "'many' is no number"),
        ("", "'' is no number"),
        ("0", "at least 1"),
        ("35,eng=-1", "at least 1"),
        ("35,300", "TAG=300"),
        ("35,zul=9", "zul is not among the languages"),
        ("eng=300", "how many for swh"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        example_counts(text, LANGUAGES)


def test_counts_are_described_as_they_are_given() -> None:
    assert described(35) == "35"
    assert described({SWAHILI: 35, LanguageCode("zul"): 35, ENGLISH: 300}) == "35,eng=300"
