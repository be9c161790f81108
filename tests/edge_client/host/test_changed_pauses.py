"""The owner changes when training waits, while it runs and while it does not."""

from datetime import datetime

from mfpt_edge.host.hours import Hours
from mfpt_edge.host.pauses import LOOK_SECONDS, SLICE_SECONDS, Courtesy, Machine, Pauses


class Night:
    """A machine whose time of day follows its clock, from 21:00 on; only waiting and `step` move it."""

    def __init__(self) -> None:
        self.now = 0.0

    def machine(self) -> Machine:
        return Machine(lambda: 9.0, lambda: False, lambda: self.now, self.wait, self.local_time)

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def local_time(self) -> datetime:
        return datetime.fromtimestamp(datetime(2026, 11, 26, 21).timestamp() + self.now)


def test_training_that_its_owner_pauses_waits_at_the_next_step_until_he_lets_it_go_on() -> None:
    night = Night()
    courtesy = Courtesy(night.machine(), Pauses(), threads=1)
    courtesy.give_way(lambda: None)
    courtesy.change(Pauses(is_paused=True))

    reasons = list[str | None]()

    def resume_after_a_minute() -> None:
        reasons.append(courtesy.reason)
        if night.now >= 60:
            courtesy.change(Pauses())

    courtesy.give_way(resume_after_a_minute)
    assert (60 <= night.now <= 60 + SLICE_SECONDS, courtesy.reason) == (True, None)
    assert reasons[0] == "its owner has paused it (mfpt-edge resume)"


def test_training_waits_for_its_hours() -> None:
    night = Night()
    courtesy = Courtesy(night.machine(), Pauses(hours=Hours.parse("22-6")), threads=1)
    courtesy.give_way(lambda: None)
    assert 3600 <= night.now <= 3600 + LOOK_SECONDS + SLICE_SECONDS


def test_a_pause_is_known_before_the_training_that_runs_has_come_to_a_step() -> None:
    courtesy = Courtesy(Night().machine(), Pauses(max_load=1.0), threads=1)
    assert "load" in str(courtesy.against_beginning())
    with courtesy.at_work():
        assert courtesy.against_beginning() is None
        courtesy.change(Pauses(is_paused=True))
        assert "paused" in str(courtesy.against_beginning())
