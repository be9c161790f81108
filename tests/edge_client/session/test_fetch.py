"""The prompt that a broker keeps, for somebody who holds none."""

import asyncio

import pytest

from mfpt_edge.session.channel import Listener
from mfpt_edge.session.fetch import fetch_over
from mfpt_edge.session.freshness import Freshness
from mfpt_edge.session.trust import Trust
from mfpt_edge.storage.saved_prompt import Model
from mfpt_shared.errors import Incompatible
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.protocol.topics import PLAN, PROMPT
from mfpt_shared.transport.base import Inbound
from mfpt_shared.transport.in_process import MemoryBroker, MemoryTransport
from support.sealing import key_of
from support.session import (
    COORDINATOR,
    FEDERATION,
    SWAHILI,
    THE_PLAN,
    broker_of_a_running_federation,
    keep,
    notice,
    plan_of_the_future,
    prompt_of,
    said,
)

ZULU = LanguageCode("zul")


def fetched(broker: MemoryBroker, language: LanguageCode, trust: Trust | None = None) -> Model | None:
    listener = Listener(FEDERATION, trust or Trust(), Freshness())
    return asyncio.run(fetch_over(MemoryTransport(broker), listener, language))


def test_the_prompt_of_a_language_comes_with_its_plan() -> None:
    broker = broker_of_a_running_federation(7)
    keep(broker, said(PROMPT, prompt_of(7, language=UNDETERMINED), UNDETERMINED))
    model = fetched(broker, SWAHILI)
    assert model is not None
    assert (model.plan, model.prompt.header) == (THE_PLAN, prompt_of(7).header)


def test_a_language_without_a_prompt_gets_the_one_for_any_language() -> None:
    broker = broker_of_a_running_federation(7)
    keep(broker, said(PROMPT, prompt_of(7, language=UNDETERMINED), UNDETERMINED))
    model = fetched(broker, ZULU)
    assert model is not None
    assert model.prompt.header.language == UNDETERMINED


def test_whoever_gets_the_prompt_of_the_language_asks_for_no_other() -> None:
    transport = MemoryTransport(broker_of_a_running_federation(7))
    listener = Listener(FEDERATION, Trust(), Freshness())
    assert asyncio.run(fetch_over(transport, listener, SWAHILI)) is not None
    assert transport.filters == {PLAN.path(FEDERATION), PROMPT.path(FEDERATION, SWAHILI)}


def test_a_prompt_that_was_published_just_as_it_was_asked_for_is_found_at_a_second_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mfpt_edge.session.fetch.OWN_PROMPT_SECONDS", 0.1)

    async def scenario() -> Model | None:
        broker = MemoryBroker()
        keep(broker, said(PLAN, notice()))
        transport = MemoryTransport(broker)
        fetching = asyncio.create_task(fetch_over(transport, Listener(FEDERATION, Trust(), Freshness()), SWAHILI))
        while not transport.filters:
            await asyncio.sleep(0)
        keep(broker, said(PROMPT, prompt_of(7), SWAHILI))  # without a word to those who have subscribed
        return await fetching

    model = asyncio.run(asyncio.wait_for(scenario(), 20))
    assert model is not None
    assert model.prompt.header.version == 7


def test_a_broker_without_a_prompt_gives_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mfpt_edge.session.fetch.FETCH_SECONDS", 0.1)
    monkeypatch.setattr("mfpt_edge.session.fetch.OWN_PROMPT_SECONDS", 0.1)
    broker = MemoryBroker()
    keep(broker, said(PLAN, notice()))
    assert fetched(broker, SWAHILI) is None


def test_a_plan_that_this_version_cannot_follow_is_told() -> None:
    broker = broker_of_a_running_federation(7)
    keep(broker, plan_of_the_future())
    with pytest.raises(Incompatible, match="of_the_future"):
        fetched(broker, SWAHILI)


def test_whoever_knows_the_coordinators_key_is_given_nothing_that_another_signed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("mfpt_edge.session.fetch.FETCH_SECONDS", 0.1)
    monkeypatch.setattr("mfpt_edge.session.fetch.OWN_PROMPT_SECONDS", 0.1)
    broker = MemoryBroker()
    keep(broker, said(PLAN, notice(), signer="thief"), said(PROMPT, prompt_of(7), SWAHILI, signer="thief"))
    assert fetched(broker, SWAHILI, Trust(key_of(COORDINATOR).public)) is None
    assert "forged" in caplog.text


def test_a_damaged_prompt_does_not_keep_the_one_for_any_language_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mfpt_edge.session.fetch.OWN_PROMPT_SECONDS", 0.1)
    broker = broker_of_a_running_federation(7)
    whole = said(PROMPT, prompt_of(7), SWAHILI)
    keep(
        broker,
        Inbound(whole.topic, whole.payload[:-1]),
        said(PROMPT, prompt_of(7, language=UNDETERMINED), UNDETERMINED),
    )
    model = fetched(broker, SWAHILI)
    assert model is not None
    assert model.prompt.header.language == UNDETERMINED
