"""The language distances that the real URIEL+ gives, asked as the coordinator asks."""

import asyncio

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
