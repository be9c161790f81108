"""A round ends when it has computed for longer than the device gives."""

import pytest

from mfpt_edge.host.time_limit import TimeLimitedTrainer
from mfpt_shared.device.trainer import OnProgress, Tuned
from mfpt_shared.errors import MfptError
from mfpt_shared.tensors import PromptState
from support.stub import StubTrainer

STEP_SECONDS = 10.0


class Clock:
    """Time that passes when somebody says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Slow(StubTrainer):
    """Every step takes ten seconds."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.steps = 0

    def tune(
        self, start: PromptState, *, epochs: int, seed: int, on_progress: OnProgress, hold_out: bool = False
    ) -> Tuned:
        for step in range(1, epochs + 1):
            self._clock.now += STEP_SECONDS
            self.steps = step
            on_progress(step / epochs, 1.0)
        return super().tune(start, epochs=epochs, seed=seed, on_progress=lambda *_: None)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_million_epochs_end_when_the_time_is_up(clock: Clock) -> None:
    slow = Slow(clock)
    with pytest.raises(MfptError, match=r"ended after 100 s, .* \(--max-round-time\)"):
        TimeLimitedTrainer(slow, 100.0, clock).tune({}, epochs=1_000_000, seed=0, on_progress=lambda *_: None)
    assert slow.steps == 11


def test_a_round_that_is_done_in_time_is_left_alone(clock: Clock) -> None:
    assert TimeLimitedTrainer(Slow(clock), 100.0, clock).tune({}, epochs=10, seed=0, on_progress=lambda *_: None)


def test_each_round_has_the_whole_time(clock: Clock) -> None:
    trainer = TimeLimitedTrainer(Slow(clock), 100.0, clock)
    for seed in range(3):
        trainer.tune({}, epochs=9, seed=seed, on_progress=lambda *_: None)


def test_a_pause_does_not_count(clock: Clock) -> None:
    def pause(*_: float) -> None:
        clock.now += 3600

    TimeLimitedTrainer(Slow(clock), 100.0, clock).tune({}, epochs=9, seed=0, on_progress=pause)
