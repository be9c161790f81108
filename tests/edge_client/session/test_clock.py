"""A clock that is wrong is told once, and changes nothing else."""

import itertools

import pytest

from mfpt_edge.core.events import CoordinatorSeen, Event, Told
from mfpt_edge.session.clock import CLOCK_SECONDS, ClockCheck
from mfpt_shared.protocol.messages import Ack, CoordinatorState

NOW = 1_700_000_000.0
DAY = 86_400.0


SAID: Event = Told(1.0, Ack(sequence=1, at=NOW))
"""An answer of the coordinator; the clock by which the device waits has nothing to do with it."""


def off_by(*seconds: float) -> ClockCheck:
    """Return a check of a clock that is off, each time that it is looked at."""
    walls = itertools.cycle(seconds)
    return ClockCheck(lambda: NOW + next(walls))


@pytest.mark.parametrize(
    ("off", "told"), [(DAY, "1 day, 0:00:00 ahead of"), (-CLOCK_SECONDS - 1, "0:05:01 behind"), (2e9, "ahead of")]
)
def test_a_clock_that_is_wrong_is_told(off: float, told: str, caplog: pytest.LogCaptureFixture) -> None:
    off_by(off).look(SAID)
    assert told in caplog.text


def test_it_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    check = off_by(DAY, -DAY)
    for _ in range(2):
        check.look(SAID)
    assert len(caplog.records) == 1


@pytest.mark.parametrize("off", [0.0, CLOCK_SECONDS, -CLOCK_SECONDS])
def test_a_clock_that_is_nearly_right_is_not_mentioned(off: float, caplog: pytest.LogCaptureFixture) -> None:
    off_by(off).look(SAID)
    assert not caplog.records


def test_what_the_broker_has_kept_for_days_says_nothing_about_a_clock(caplog: pytest.LogCaptureFixture) -> None:
    kept = CoordinatorState(state="online", coordinator="c", started=1.0, at=NOW - 9 * DAY)
    off_by(0.0).look(CoordinatorSeen(NOW, kept))
    assert not caplog.records
