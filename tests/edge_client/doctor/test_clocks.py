"""The clock of a device, compared with the coordinator's, or with what is over for sure."""

import asyncio
from datetime import UTC, datetime

import msgspec

from mfpt_edge.doctor.clocks import Clocks
from mfpt_edge.doctor.examination import Answer
from mfpt_edge.doctor.heard import Heard
from mfpt_edge.doctor.way import Way
from mfpt_edge.session.channel import Listener
from mfpt_edge.session.freshness import Freshness
from mfpt_edge.session.trust import Trust
from mfpt_shared.protocol.messages import Beat, FromCoordinator
from mfpt_shared.protocol.topics import COORDINATOR_BEAT, COORDINATOR_STATE, Topic
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.connection import Connection
from mfpt_shared.transport.probing import Encrypted
from support.session import FEDERATION, online, said

NOW = 1_750_000_000.0
DAY = 86_400.0


def heard(*messages: tuple[Topic, FromCoordinator]) -> Heard:
    found = Heard(Listener(FEDERATION, Trust(), Freshness()))
    for topic, message in messages:
        found.take(said(topic, message), NOW)
    return found


def beat(at: float) -> Heard:
    return heard((COORDINATOR_BEAT, Beat(number=1, at=at)))


def compared(with_heard: Heard | None = None, certificate_from: float | None = None) -> Answer:
    way = Way(Connection((BrokerAddress("127.0.0.1", 1),)))
    if certificate_from is not None:
        begins, ends = (datetime.fromtimestamp(moment, UTC) for moment in (certificate_from, NOW + 1000 * DAY))
        way.encrypted = Encrypted("TLSv1.3", begins, ends, is_pinned=True)
    return asyncio.run(Clocks(with_heard, way, lambda: NOW)())


def test_a_clock_that_is_a_day_ahead_or_behind_is_told_which_and_by_how_much() -> None:
    ahead, behind = compared(beat(NOW - DAY)), compared(beat(NOW + DAY))
    assert (ahead.level, ahead.found) == ("warning", "this device's clock is 1 day, 0:00:00 ahead of the coordinator's")
    assert (behind.level, behind.found) == ("warning", "this device's clock is 1 day, 0:00:00 behind the coordinator's")


def test_a_clock_that_is_right_within_minutes_is_fine() -> None:
    assert compared(beat(NOW - 0.2)).found == "as the coordinator's"
    assert compared(beat(NOW - 12.0)).found == "0:00:12 ahead of the coordinator's"
    assert compared(beat(NOW - 12.0)).level == "ok"


def test_a_state_that_the_broker_keeps_shows_only_that_a_clock_is_behind() -> None:
    old, new = (
        heard((COORDINATOR_STATE, msgspec.structs.replace(online(), at=at))) for at in (NOW - 9 * DAY, NOW + DAY)
    )
    assert compared(old).level == "skipped"
    assert compared(new).found == "this device's clock is 1 day, 0:00:00 behind the coordinator's"


def test_without_a_coordinator_a_certificate_shows_that_a_clock_is_behind() -> None:
    assert compared(None, certificate_from=NOW + DAY).level == "warning"
    assert compared(None, certificate_from=NOW - DAY).level == "skipped"
    assert compared(None).found == "nobody has told the time"
