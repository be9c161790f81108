"""A device's rounds under a plan with local noise: what is in an update, and what is carried into the next one."""

import random

import msgspec
import numpy as np
import pytest

from mfpt_shared.device.rounds import Round, Rounds
from mfpt_shared.languages import LanguageCode
from mfpt_shared.masking.grid import grid
from mfpt_shared.plan import BackboneSpec, Plan, Privacy, PromptSpec, Task
from mfpt_shared.protocol.messages import Metrics, Prompt, PromptHeader, Update
from mfpt_shared.tensors import Quantised, dense, flatten, halve, initial_state, layout
from support.stub import StubTrainer

SWAHILI = LanguageCode("swh")
PLAN = Plan(
    task=Task(labels=("a", "b")),
    backbone=BackboneSpec(width=60, layers=2),
    prompt=PromptSpec(tokens=4),
    privacy=Privacy(clip_norm=0.5, noise="local", noise_multiplier=2.0),
)
WANTED = PLAN.privacy.clip_norm * PLAN.privacy.noise_multiplier


def rounds_of(step: float, seed: int = 1) -> Rounds:
    trainer = StubTrainer(step=step)
    return Rounds("abc", SWAHILI, PLAN, trainer, lambda: 0.0, randomness=random.Random(seed).randbytes)


def run(rounds: Rounds, sequence: int = 1) -> tuple[Update, Round]:
    header = PromptHeader(language=SWAHILI, version=sequence - 1, plan=PLAN.digest, backbone="")
    return rounds.run(sequence, Prompt(header, halve(initial_state(PLAN))), lambda *_: None)


def sent(update: Update) -> np.ndarray:
    return flatten(dense(update.delta), layout(PLAN)).astype(np.float64)


def test_an_update_is_noise_around_what_was_trained_and_travels_in_8_bits() -> None:
    update, _ = run(rounds_of(step=0.001))

    assert all(isinstance(tensor, Quantised) for tensor in update.delta.values())
    assert sent(update).std() == pytest.approx(WANTED, rel=0.15)


def test_the_noise_of_every_update_is_another() -> None:
    rounds = rounds_of(step=0.0)

    first, second = (sent(run(rounds, number)[0]) for number in (1, 2))

    assert abs(np.corrcoef(first, second)[0, 1]) < 0.2


def test_two_devices_that_trained_different_things_differ_by_the_bound_at_most() -> None:
    one, other = (sent(run(rounds_of(step))[0]) for step in (1e3, -1e3))

    rounding = np.abs(one).max() / 127 * np.sqrt(one.size)
    assert np.linalg.norm(one - other) <= 2 * PLAN.privacy.clip_norm + rounding


def test_what_rounding_left_out_is_carried_and_the_noise_is_not() -> None:
    tiny = 0.4 * grid(PLAN).steps[0]
    with_tiny, without = rounds_of(tiny), rounds_of(0.0)
    difference = np.zeros(2)
    for number in (1, 2):
        difference[number - 1] = np.mean(sent(run(with_tiny, number)[0]) - sent(run(without, number)[0]))

    assert difference[0] == 0, "less than half a step is rounded to nothing"
    assert difference[1] == pytest.approx(grid(PLAN).steps[0], rel=0.2), "twice as much to one"


def test_what_was_measured_stays_on_the_device() -> None:
    update, done = run(rounds_of(step=0.1))

    assert update.header.metrics == Metrics()
    assert (done.accuracy, done.loss) == (0.5, 1.0)


def test_without_noise_what_was_measured_travels() -> None:
    plan = msgspec.structs.replace(PLAN, privacy=Privacy(clip_norm=0.5))
    rounds = Rounds("abc", SWAHILI, plan, StubTrainer(step=0.1), lambda: 0.0)

    update, _ = run(rounds)

    assert update.header.metrics.accuracy == 0.5


def test_the_time_that_a_device_tells_has_none_of_the_noise_in_it() -> None:
    """How long a draw takes depends on its value."""
    now = [0.0]

    def slow(number: int) -> bytes:
        now[0] += 1.0
        return random.Random(number).randbytes(number)

    rounds = Rounds("abc", SWAHILI, PLAN, StubTrainer(step=0.0), lambda: now[0], randomness=slow)
    update, _ = run(rounds)

    assert now[0] > 0
    assert update.header.seconds == 0.0
