"""Look-ups of language distances beside the coordinator's loop."""

import asyncio
import logging
from collections.abc import Iterable, Sequence

import pytest

from mfpt_coord.core.events import DistancesFound
from mfpt_coord.core.relations import Distances, pair
from mfpt_coord.server.look_ups import LookUps
from mfpt_shared.languages import UNDETERMINED, LanguageCode

SWAHILI, ZULU, YORUBA = (LanguageCode(tag) for tag in ("swh", "zul", "yor"))
FOUND: Distances = {pair(SWAHILI, ZULU): {"genetic": 0.2}}


async def next_result(look_ups: LookUps) -> DistancesFound:
    return await asyncio.wait_for(look_ups.found(), 5)


def test_a_look_up_answers_with_an_event() -> None:
    async def look_up(_languages: Iterable[LanguageCode], metrics: Sequence[str]) -> Distances:
        assert metrics == ("genetic",)
        return FOUND

    async def scenario() -> DistancesFound:
        look_ups = LookUps(look_up, ("genetic",), clock=lambda: 7.0)
        look_ups.start([SWAHILI, ZULU, UNDETERMINED])
        return await next_result(look_ups)

    assert asyncio.run(scenario()) == DistancesFound(7.0, frozenset([SWAHILI, ZULU]), FOUND)


def test_a_look_up_that_fails_still_answers_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Or languages that join would never get a prompt."""

    async def look_up(_languages: Iterable[LanguageCode], _metrics: Sequence[str]) -> Distances:
        raise OSError("no memory")

    async def scenario() -> DistancesFound:
        look_ups = LookUps(look_up, (), clock=lambda: 7.0)
        look_ups.start([SWAHILI, ZULU])
        return await next_result(look_ups)

    with caplog.at_level(logging.ERROR):
        assert asyncio.run(scenario()).distances == {}
    assert "no memory" in caplog.text


def test_a_look_up_with_a_defect_does_not_keep_a_coordinator_from_ending_in_order() -> None:
    failed = False

    async def look_up(_languages: Iterable[LanguageCode], _metrics: Sequence[str]) -> Distances:
        nonlocal failed
        failed = True
        raise RuntimeError("a defect")

    async def scenario() -> None:
        look_ups = LookUps(look_up, (), clock=lambda: 7.0)
        look_ups.start([SWAHILI, ZULU])
        while not failed:
            await asyncio.sleep(0)
        await look_ups.close()

    asyncio.run(asyncio.wait_for(scenario(), 5))
    assert failed


def test_what_is_asked_during_a_search_is_searched_for_afterwards_together() -> None:
    searched: list[frozenset[LanguageCode]] = []

    async def scenario() -> None:
        begun, may_end = asyncio.Event(), asyncio.Event()

        async def look_up(languages: Iterable[LanguageCode], _metrics: Sequence[str]) -> Distances:
            searched.append(frozenset(languages))
            begun.set()
            await may_end.wait()
            return {}

        look_ups = LookUps(look_up, (), clock=lambda: 7.0)
        look_ups.start([SWAHILI])
        await begun.wait()
        look_ups.start([ZULU])
        look_ups.start([YORUBA])
        may_end.set()
        await next_result(look_ups)
        await next_result(look_ups)

    asyncio.run(scenario())
    assert searched == [frozenset([SWAHILI]), frozenset([ZULU, YORUBA])]


def test_closing_ends_a_search_that_is_running() -> None:
    async def scenario() -> None:
        begun = asyncio.Event()

        async def look_up(_languages: Iterable[LanguageCode], _metrics: Sequence[str]) -> Distances:
            begun.set()
            await asyncio.Event().wait()
            raise AssertionError("nobody sets this event")

        look_ups = LookUps(look_up, (), clock=lambda: 7.0)
        look_ups.start([SWAHILI])
        await begun.wait()
        await look_ups.close()

    asyncio.run(asyncio.wait_for(scenario(), 5))
