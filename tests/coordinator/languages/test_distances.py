"""The language distances that the real URIEL+ gives, asked as the coordinator asks."""

import asyncio

import pytest

from mfpt_coord.core.proximity import distance
from mfpt_coord.core.relations import pair
from mfpt_coord.languages.distances import look_up
from mfpt_shared.languages import LanguageCode

SWAHILI, ZULU, YORUBA, UNHEARD_OF = (LanguageCode(code) for code in ("swh", "zul", "yor", "qqq"))


def test_relatives_are_nearer_than_strangers() -> None:
    found = asyncio.run(look_up([YORUBA, ZULU, SWAHILI], ("syntactic", "geographic")))
    metrics = ("syntactic",)
    assert distance(SWAHILI, ZULU, found, metrics) < distance(SWAHILI, YORUBA, found, metrics)
    assert found[pair(SWAHILI, ZULU)].keys() == {"syntactic", "geographic"}


def test_two_languages_are_enough() -> None:
    found = asyncio.run(look_up([ZULU, SWAHILI], ("syntactic",)))
    assert 0 < found[pair(SWAHILI, ZULU)]["syntactic"] < 0.5


def test_a_language_that_nobody_has_described_is_left_out() -> None:
    found = asyncio.run(look_up([UNHEARD_OF, ZULU, SWAHILI], ("syntactic",)))
    assert found.keys() == {pair(SWAHILI, ZULU)}


@pytest.mark.slow
def test_a_language_that_uriel_lacks_has_the_distances_of_its_nearest(caplog: pytest.LogCaptureFixture) -> None:
    montenegrin, serbian, english = (LanguageCode(code) for code in ("cnr", "srp", "eng"))
    with caplog.at_level("INFO"):
        found = asyncio.run(look_up([montenegrin, serbian, english], ("genetic",)))
    assert found[pair(montenegrin, english)] == found[pair(serbian, english)]
    assert found[pair(montenegrin, serbian)] == {"genetic": 0.0}
    assert "does not know cnr: its distances are those of srp" in caplog.text
