"""The prompt that a broker keeps, for somebody who holds none."""

import asyncio

import pytest

from mfpt_edge.session.fetch import fetch_over
from mfpt_edge.storage.saved_prompt import Model
from mfpt_shared.errors import Incompatible
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.plan import plan_to_json
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.topics import PLAN, PROMPT
from mfpt_shared.transport.in_process import MemoryBroker, MemoryTransport
from support.session import FEDERATION, SWAHILI, THE_PLAN, broker_of_a_running_federation, prompt_of

ZULU = LanguageCode("zul")


def fetched(broker: MemoryBroker, language: LanguageCode) -> Model | None:
    return asyncio.run(fetch_over(MemoryTransport(broker), FEDERATION, language))


def test_the_prompt_of_a_language_comes_with_its_plan() -> None:
    broker = broker_of_a_running_federation(7)
    broker.retained[PROMPT.path(FEDERATION, UNDETERMINED)] = encode(prompt_of(7, language=UNDETERMINED))
    model = fetched(broker, SWAHILI)
    assert model is not None
    assert (model.plan, model.prompt.header) == (THE_PLAN, prompt_of(7).header)


def test_a_language_without_a_prompt_gets_the_one_for_any_language() -> None:
    broker = broker_of_a_running_federation(7)
    broker.retained[PROMPT.path(FEDERATION, UNDETERMINED)] = encode(prompt_of(7, language=UNDETERMINED))
    model = fetched(broker, ZULU)
    assert model is not None
    assert model.prompt.header.language == UNDETERMINED


def test_a_broker_without_a_prompt_gives_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mfpt_edge.session.fetch.FETCH_SECONDS", 0.1)
    monkeypatch.setattr("mfpt_edge.session.fetch.OWN_PROMPT_SECONDS", 0.1)
    broker = MemoryBroker()
    broker.retained[PLAN.path(FEDERATION)] = plan_to_json(THE_PLAN)
    assert fetched(broker, SWAHILI) is None


def test_a_plan_that_this_version_cannot_follow_is_told() -> None:
    broker = broker_of_a_running_federation(7)
    newer = plan_to_json(THE_PLAN).replace(b'"training":{', b'"training":{"of_the_future":1,')
    broker.retained[PLAN.path(FEDERATION)] = newer
    with pytest.raises(Incompatible, match="of_the_future"):
        fetched(broker, SWAHILI)
