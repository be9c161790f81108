"""One visit at a broker: what is said of delivery, the coordinator, and the versions of both sides."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Final

import msgspec
import pytest

from mfpt_edge.doctor.examination import Answer
from mfpt_edge.doctor.heard import Heard
from mfpt_edge.doctor.visit import Visit
from mfpt_edge.session.channel import Listener
from mfpt_edge.session.freshness import Freshness
from mfpt_edge.session.trust import Trust
from mfpt_shared import __version__
from mfpt_shared.errors import Incompatible, MfptError, TimedOut
from mfpt_shared.protocol.messages import Beat, CoordinatorState
from mfpt_shared.protocol.topics import COORDINATOR_BEAT, COORDINATOR_STATE, PLAN
from mfpt_shared.transport.base import Inbound
from mfpt_shared.transport.in_process import MemoryBroker, MemoryTransport
from support.session import FEDERATION, keep, notice, online, said

# A beat that this broker keeps comes to whoever subscribes, as one does within a second.
BEAT = said(COORDINATOR_BEAT, Beat(number=1, version=7, at=100.0))
THE_NOTICE = said(PLAN, notice())
ASKING = "doctor/own"


def running(*, mfpt: str = __version__) -> Inbound:
    return said(COORDINATOR_STATE, msgspec.structs.replace(online(7), mfpt=mfpt))


def visited(
    look: Callable[[Visit], Coroutine[None, None, Answer]], *kept: Inbound, probe: str = ""
) -> tuple[Answer, MemoryBroker]:
    """Return what one check finds at a broker that keeps these messages, and the broker afterwards."""
    broker = MemoryBroker()
    keep(broker, *kept)
    heard = Heard(Listener(FEDERATION, Trust(), Freshness()), probe)
    visit = Visit(MemoryTransport(broker), heard, lambda error: error, lambda: 160.0, patience=0.1)

    async def scenario() -> Answer:
        await visit.log_in()
        await visit.broker()
        try:
            return await look(visit)
        finally:
            await visit.close()

    return asyncio.run(scenario()), broker


def test_a_message_of_its_own_shows_that_the_broker_delivers() -> None:
    answer, broker = visited(Visit.broker, running(), THE_NOTICE, BEAT, probe=ASKING)
    assert answer.found == "a message with QoS 1 has come back"
    assert ASKING not in broker.retained


def test_a_beat_shows_that_the_broker_delivers() -> None:
    answer, _ = visited(Visit.broker, running(), THE_NOTICE, BEAT)
    assert (answer.level, answer.found) == ("ok", "it delivers: a beat of the coordinator has come")


def test_a_broker_that_delivers_nothing_is_odd() -> None:
    answer, _ = visited(Visit.broker)
    assert answer.level == "warning"
    assert "nothing of federation default" in answer.found


def test_a_coordinator_that_beats_is_online() -> None:
    answer, _ = visited(Visit.coordinator, running(), THE_NOTICE, BEAT)
    assert answer.level == "ok"
    assert answer.found.startswith("online with version 7")


def test_a_federation_that_nobody_knows_is_a_timeout_that_names_it() -> None:
    with pytest.raises(TimedOut, match="no coordinator of federation default is known there"):
        visited(Visit.coordinator)


def test_a_coordinator_that_says_online_and_is_silent_is_gone() -> None:
    with pytest.raises(TimedOut, match="has said that it is online, and has been silent since"):
        visited(Visit.coordinator, running(), THE_NOTICE)


def test_a_coordinator_that_has_ended_is_offline() -> None:
    gone = said(COORDINATOR_STATE, CoordinatorState(state="offline", coordinator="c", started=1.0, at=100.0))
    with pytest.raises(TimedOut, match="has been offline since"):
        visited(Visit.coordinator, gone, THE_NOTICE)


def test_a_federation_that_has_ended_still_has_a_prompt_to_take_home() -> None:
    over = CoordinatorState(state="offline", coordinator="c", started=1.0, version=9, finished=True)
    answer, _ = visited(Visit.coordinator, said(COORDINATOR_STATE, over), THE_NOTICE)
    assert (answer.level, answer.found) == ("warning", "the federation has ended with version 9")


OWN: Final = f"mfpt {__version__} and protocol 2"


@pytest.mark.parametrize(
    ("mfpt", "level", "found"),
    [
        (__version__, "ok", f"{OWN} on both sides"),
        ("9.9.9", "warning", f"{OWN} here, mfpt 9.9.9 and protocol 2 at the coordinator"),
        (
            "",
            "warning",
            f"{OWN} here; the coordinator runs an older mfpt, which does not say its version",
        ),
        (
            "\x1b[31m9",
            "warning",
            f"{OWN} here, mfpt [31m9 and protocol 2 at the coordinator",
        ),
    ],
)
def test_the_versions_of_both_sides_are_compared(mfpt: str, level: str, found: str) -> None:
    answer, _ = visited(Visit.versions, running(mfpt=mfpt), THE_NOTICE, BEAT)
    assert (answer.level, answer.found) == (level, found)


def test_a_coordinator_of_an_older_protocol_is_incompatible() -> None:
    older = Inbound(COORDINATOR_STATE.path(FEDERATION), b'{"protocol":1,"state":"online"}')
    with pytest.raises(Incompatible, match="the coordinator speaks protocol 1, this mfpt speaks 2"):
        visited(Visit.versions, older)
    assert visited(Visit.coordinator, older)[0].found == "one answers; see versions"


def test_a_visit_leaves_nothing_at_the_broker() -> None:
    _, broker = visited(Visit.coordinator, running(), THE_NOTICE, BEAT, probe=ASKING)
    assert set(broker.retained) == {message.topic for message in (running(), THE_NOTICE, BEAT)}
    assert broker.sessions == []


def test_who_is_not_let_in_is_told_what_to_do() -> None:
    broker = MemoryBroker()
    broker.running = False
    visit = Visit(MemoryTransport(broker), Heard(Listener(FEDERATION, Trust(), Freshness())), lambda error: error)
    with pytest.raises(MfptError, match="not running"):
        asyncio.run(visit.log_in())
