"""A clock that is wrong is told once, and changes nothing else."""

import pytest

from mfpt_edge.core.events import CoordinatorSeen, Event, Told
from mfpt_edge.session.clock import CLOCK_SECONDS, ClockCheck
from mfpt_shared.protocol.messages import Ack, CoordinatorState

NOW = 1_700_000_000.0
DAY = 86_400.0


def acknowledged(*, off: float) -> Event:
    """Return an answer that a device hears with a clock that is off by some seconds."""
    return Told(NOW + off, Ack(sequence=1, at=NOW))


@pytest.mark.parametrize(
    ("off", "told"), [(DAY, "1 day, 0:00:00 ahead of"), (-CLOCK_SECONDS - 1, "0:05:01 behind"), (2e9, "ahead of")]
)
def test_a_clock_that_is_wrong_is_told(off: float, told: str, caplog: pytest.LogCaptureFixture) -> None:
    ClockCheck().look(acknowledged(off=off))
    assert told in caplog.text


def test_it_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    check = ClockCheck()
    for off in (DAY, -DAY):
        check.look(acknowledged(off=off))
    assert len(caplog.records) == 1


@pytest.mark.parametrize("off", [0.0, CLOCK_SECONDS, -CLOCK_SECONDS])
def test_a_clock_that_is_nearly_right_is_not_mentioned(off: float, caplog: pytest.LogCaptureFixture) -> None:
    ClockCheck().look(acknowledged(off=off))
    assert not caplog.records


def test_what_the_broker_has_kept_for_days_says_nothing_about_a_clock(caplog: pytest.LogCaptureFixture) -> None:
    kept = CoordinatorState(state="online", coordinator="c", started=1.0, at=NOW - 9 * DAY)
    ClockCheck().look(CoordinatorSeen(NOW, kept))
    assert not caplog.records
