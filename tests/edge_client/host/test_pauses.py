"""Training gives way: to other programs, and on battery; it can be ended while it waits."""

import math
from collections.abc import Callable

import pytest

from mfpt_edge.host.pauses import LOOK_SECONDS, SLICE_SECONDS, CourteousTrainer, Courtesy, Machine, Pauses
from mfpt_shared.plan import Plan, Task
from mfpt_shared.tensors import initial_state
from support.stub import StubTrainer


class Desk:
    """A machine whose load and battery follow a script of its clock, which only waiting and `work` move."""

    def __init__(self, load: Callable[[float], float] = lambda _: 0.0, unplugged: tuple[float, float] = (0, 0)) -> None:
        self.now = 0.0
        self.waited = 0.0
        self._load = load
        self._unplugged = unplugged

    def machine(self) -> Machine:
        return Machine(
            load=lambda: self._load(self.now),
            on_battery=lambda: self._unplugged[0] <= self.now < self._unplugged[1],
            clock=lambda: self.now,
            wait=self.wait,
        )

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.waited += seconds

    def work(self, courtesy: Courtesy, seconds: float) -> None:
        """Make steps of a second."""
        for _ in range(int(seconds)):
            self.now += 1
            courtesy.give_way(lambda: None)


def courteous(desk: Desk, *, threads: int = 2, max_load: float | None = None, pause: bool = False) -> Courtesy:
    return Courtesy(desk.machine(), Pauses(max_load=max_load, on_battery=pause), threads=threads)


def ours(now: float) -> float:
    """Return what two threads make of the load average."""
    return 2 * (1 - math.exp(-now / 60))


def give_up(desk: Desk, at: float) -> Callable[[], None]:
    def check() -> None:
        if desk.now > at:
            raise TimeoutError

    return check


def busy_until(end: float, load: float) -> Callable[[float], float]:
    return lambda now: load if now < end else 0.0


# ---- other programs


def test_training_waits_until_the_others_are_done() -> None:
    desk = Desk(load=busy_until(30, 9.0))
    desk.work(courteous(desk, max_load=1.0), 1)
    assert 30 <= desk.now < 30 + LOOK_SECONDS + SLICE_SECONDS


def test_rounds_shorter_than_its_attention_make_it_wait_too() -> None:
    desk = Desk(load=busy_until(30, 9.0))
    courtesy = courteous(desk, max_load=1.0)
    for _ in range(8):
        with courtesy.at_work():
            desk.work(courtesy, 1)
    assert desk.waited >= 25


def test_without_a_limit_no_load_makes_it_wait() -> None:
    desk = Desk(load=busy_until(1000, 99.0), unplugged=(0, 1000))
    desk.work(courteous(desk), 100)
    assert desk.waited == 0


def test_its_own_threads_do_not_make_it_wait() -> None:
    desk = Desk(load=ours)
    desk.work(courteous(desk, threads=2, max_load=0.1), 600)
    assert desk.waited == 0


def test_the_load_that_its_own_threads_left_behind_is_not_the_others() -> None:
    def load(now: float) -> float:
        return ours(now) if now < 120 else ours(120) * math.exp(-(now - 120) / 60) + (1 if now > 150 else 0)

    desk = Desk(load=load)
    courtesy = courteous(desk, threads=2, max_load=0.1)
    desk.work(courtesy, 120)
    assert desk.waited == 0
    desk.now = 145
    with courtesy.at_work():
        desk.work(courtesy, 1)
    assert desk.waited == 0
    desk.now = 160
    with courtesy.at_work(), pytest.raises(TimeoutError):
        courtesy.give_way(give_up(desk, at=170))


def test_the_load_of_measuring_a_prompt_is_its_own_too() -> None:
    desk = Desk(load=ours)
    courtesy = courteous(desk, threads=2, max_load=1.0)
    for _ in range(4):
        with courtesy.at_work():  # validating: no step is made
            desk.now += 60
        with courtesy.at_work():
            desk.work(courtesy, 20)
    assert desk.waited == 0


def test_while_it_waits_its_own_threads_are_not_subtracted() -> None:
    desk = Desk(load=lambda now: 1.5 if now < 400 else 0.0)
    desk.work(courteous(desk, threads=2, max_load=1.0), 1)
    assert desk.now >= 400


def test_a_pause_lasts_until_the_next_look_at_least() -> None:
    desk = Desk(load=busy_until(1.5, 9.0))
    desk.work(courteous(desk, max_load=1.0), 1)
    assert desk.waited == LOOK_SECONDS


def test_it_does_not_look_at_every_step() -> None:
    looks: list[float] = []

    def load(now: float) -> float:
        looks.append(now)
        return 0.0

    desk = Desk(load=load)
    desk.work(courteous(desk, max_load=1.0), 20)
    assert looks == [1, 6, 11, 16]


# ---- battery


def test_on_battery_training_waits_for_the_mains() -> None:
    desk = Desk(unplugged=(10, 100))
    courtesy = courteous(desk, pause=True)
    desk.work(courtesy, 9)
    assert desk.waited == 0
    desk.work(courtesy, 5)
    assert 100 <= desk.now < 100 + LOOK_SECONDS + 5


def test_a_pause_is_told_when_it_begins_and_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    desk = Desk(unplugged=(0, 60))
    desk.work(courteous(desk, pause=True), 20)
    first, last = caplog.messages
    assert "battery" in first
    assert last == "training continues after 60 s"


# ---- a trainer


def test_a_trainer_waits_between_steps_and_learns_the_same() -> None:
    plan = Plan(task=Task(labels=("a", "b")))
    start = initial_state(plan)
    desk = Desk(unplugged=(0, 60))
    plain = StubTrainer(step=1.0)
    polite = CourteousTrainer(StubTrainer(step=1.0), courteous(desk, pause=True))
    assert (polite.examples, polite.fingerprint, polite.device) == (plain.examples, plain.fingerprint, plain.device)
    expected = plain.tune(start, epochs=2, seed=1, on_progress=lambda *_: None)
    found = polite.tune(start, epochs=2, seed=1, on_progress=lambda *_: None)
    assert desk.waited >= 60
    assert all((found.state[name] == array).all() for name, array in expected.state.items())
    assert polite.validate(found.state) == plain.validate(found.state)


def test_training_can_be_ended_while_it_waits() -> None:
    class Cancelled(Exception):
        pass

    desk = Desk(unplugged=(0, 10_000))

    def on_progress(share: float, loss: float) -> None:
        del share, loss
        if desk.now > 7:
            raise Cancelled

    plan = Plan(task=Task(labels=("a", "b")))
    polite = CourteousTrainer(StubTrainer(step=1.0), courteous(desk, pause=True))
    with pytest.raises(Cancelled):
        polite.tune(initial_state(plan), epochs=1, seed=0, on_progress=on_progress)
    assert desk.now <= 7 + 2 * SLICE_SECONDS


def test_the_reason_for_a_pause_can_be_asked_for_while_it_lasts() -> None:
    desk, seen = Desk(unplugged=(0, 10)), set[str | None]()
    courtesy = courteous(desk, pause=True)
    courtesy.give_way(lambda: seen.add(courtesy.reason))
    assert seen == {"the machine runs on battery (--on-battery)", None}
    assert courtesy.reason is None
