"""When a person is told what a device waits for."""

import logging
import time
from dataclasses import replace

import pytest

from mfpt_edge.core.events import BrokerConnected, BrokerLost, CoordinatorSeen, Event, ProgressSeen, TimePassed
from mfpt_edge.core.state import State
from mfpt_edge.core.wait_words import Place
from mfpt_edge.core.waits import ANSWER_SECONDS
from mfpt_edge.session.standing import (
    ASK_SECONDS,
    FIRST_SECONDS,
    LONGEST_PAUSE_SECONDS,
    Standing,
    as_people_read_it,
)
from mfpt_shared.protocol.messages import Progress
from support.session import EPOCH, SWAHILI, THE_PLAN, online

IDLE = State(
    SWAHILI, connected=True, plan=THE_PLAN, prepared=True, phase="idle", coordinator=EPOCH, announced=True, published=2
)
ALONE = replace(IDLE, coordinator=None, announced=False)
HOUR = 3600.0


class Watch:
    """A device's standing, a clock that the test moves, and when it told what."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        self.now = 0.0
        self.standing = Standing(Place("radio", "d1"), IDLE, lambda: 1e9 + self.now)
        self._log = caplog
        self.told: list[float] = []

    def asks(self) -> bool:
        return self.standing.wants_progress

    def is_in(self, state: State, event: Event | None = None) -> None:
        self.standing.follow(event or TimePassed(self.now), state, 0)
        before = len(self._log.records)
        self.standing.tell_if_due()
        self.told += [self.now] * (len(self._log.records) - before)

    def stays_in(self, state: State, seconds: float) -> None:
        """Let time pass as the client's loop does: whenever a deadline has come."""
        end = self.now + seconds
        while self.standing.next_deadline <= end:
            self.now = self.standing.next_deadline
            self.is_in(state)
        self.now = end


def test_what_lasts_is_told_after_ten_seconds_and_then_ever_more_rarely(caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch(caplog)
    watch.is_in(ALONE)
    watch.stays_in(ALONE, HOUR)
    assert watch.told[:5] == [10, 70, 190, 430, 910]
    assert {later - earlier for earlier, later in zip(watch.told[5:], watch.told[6:], strict=False)} == {
        LONGEST_PAUSE_SECONDS
    }


def test_what_ends_in_time_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch(caplog)
    for _ in range(20):
        watch.is_in(ALONE)
        watch.stays_in(ALONE, FIRST_SECONDS - 1)
        watch.is_in(replace(IDLE, phase="training"), CoordinatorSeen(watch.now, online()))
    assert watch.told == []


def test_what_comes_and_goes_is_told_once_a_minute_at_most(caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch(caplog)
    for _ in range(30):
        watch.is_in(ALONE)
        watch.stays_in(ALONE, FIRST_SECONDS + 1)
        watch.is_in(replace(IDLE, phase="training"))
    assert len(watch.told) > 3
    assert all(later - earlier >= 60 for earlier, later in zip(watch.told, watch.told[1:], strict=False))


def test_trouble_is_a_warning_and_a_wait_for_others_is_none(caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch(caplog)
    for state in (IDLE, replace(IDLE, plan=None)):
        watch.is_in(state)
        watch.stays_in(state, FIRST_SECONDS)
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING"]


def test_a_device_that_waits_for_others_asks_how_far_they_are_after_a_moment(caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch(caplog)
    watch.is_in(IDLE)
    assert not watch.asks()
    watch.stays_in(IDLE, ASK_SECONDS)
    assert watch.asks()
    watch.is_in(IDLE, ProgressSeen(watch.now, Progress(version=2, training=1, places=9, at_work={"zul": 0.69})))
    assert watch.standing.wait is not None
    assert "for zul (69 %) before version 3" in watch.standing.wait.text
    watch.is_in(replace(IDLE, phase="training"))
    assert not watch.asks()


def test_a_device_that_is_not_heard_says_so_as_soon_as_an_answer_is_overdue(caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch(caplog)
    watch.is_in(IDLE, BrokerConnected(watch.now))
    watch.stays_in(IDLE, ASK_SECONDS)
    watch.is_in(IDLE, ProgressSeen(watch.now, Progress(version=2, places=9, needed=1)))
    watch.stays_in(IDLE, HOUR)
    assert watch.told[:3] == [FIRST_SECONDS, ASK_SECONDS + ANSWER_SECONDS, ASK_SECONDS + ANSWER_SECONDS + 60]
    assert "has not answered this device" in caplog.records[1].message


def test_since_when_is_said_by_the_clock_that_people_see(caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch(caplog)
    offline = replace(ALONE, connected=False)
    watch.is_in(offline, BrokerLost(watch.now))
    watch.stays_in(offline, 600)
    watch.is_in(ALONE, BrokerConnected(watch.now))
    watch.stays_in(ALONE, 30)
    assert watch.standing.since == 1e9 + 600
    wait = watch.standing.wait
    assert wait is not None
    assert f"since {time.strftime('%H:%M', time.localtime(1e9 + 600))}" in wait.text


def test_a_disk_that_takes_nothing_comes_before_all_else(caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch(caplog)
    training = replace(IDLE, phase="training")
    watch.is_in(training)
    watch.now = 5.0
    watch.standing.hold("the disk does not take update 1", watch.now)
    watch.stays_in(training, FIRST_SECONDS)
    assert watch.told == [5.0 + FIRST_SECONDS]
    assert "the disk does not take update 1 since" in caplog.text
    watch.standing.hold("", watch.now)
    assert watch.standing.wait is None


def test_a_time_of_another_day_has_its_date() -> None:
    noon = time.mktime((2026, 5, 4, 12, 0, 0, 0, 0, -1))
    assert as_people_read_it(noon, noon + HOUR) == "12:00"
    assert as_people_read_it(noon, noon + 24 * HOUR) == "2026-05-04 12:00"
