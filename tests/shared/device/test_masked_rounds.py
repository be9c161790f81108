"""A device's rounds under masks: how an update that came into no sum is part of the next one."""

import numpy as np
import pytest

from mfpt_shared.device.rounds import Rounds
from mfpt_shared.device.trainer import OnProgress, Tuned
from mfpt_shared.errors import MfptError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import BackboneSpec, Plan, Privacy, PromptSpec, Task
from mfpt_shared.protocol.messages import Prompt, PromptHeader
from mfpt_shared.tensors import PromptState, dense, halve, initial_state
from support.stub import StubTrainer

SWAHILI = LanguageCode("swh")
PLAN = Plan(
    task=Task(labels=("a", "b")),
    backbone=BackboneSpec(width=4, layers=2),
    prompt=PromptSpec(tokens=2),
    privacy=Privacy(aggregation="masked"),
)
OPTIMUM = 1.0


class TrainerThatArrives(StubTrainer):
    """Goes most of the way to the optimum in one round, wherever it starts."""

    diverges = False

    def tune(
        self, start: PromptState, *, epochs: int, seed: int, on_progress: OnProgress, hold_out: bool = False
    ) -> Tuned:
        del seed, on_progress, hold_out
        wanted = np.float32(np.inf if self.diverges else OPTIMUM)
        return Tuned({name: array + (wanted - array) * np.float32(0.75) for name, array in start.items()}, 1.0, epochs)


def run(rounds: Rounds, sequence: int) -> PromptState:
    """Run a round from version 0, all zeros; return its change."""
    state = halve({name: np.zeros_like(array) for name, array in initial_state(PLAN).items()})
    header = PromptHeader(language=SWAHILI, version=0, plan=PLAN.digest, backbone="")
    return dense(rounds.run(sequence, Prompt(header, state), lambda *_: None)[0].delta)


def rounds_of(trainer: StubTrainer) -> Rounds:
    return Rounds("abc", SWAHILI, PLAN, trainer, lambda: 0.0)


def test_a_device_that_trains_twice_from_a_version_because_a_cohort_failed_does_not_overshoot() -> None:
    rounds = rounds_of(TrainerThatArrives())
    rounds.go_on_from([run(rounds, 1)])
    assert run(rounds, 2)["head.bias"] == pytest.approx(OPTIMUM * (1 - 0.25**2))


def test_an_update_that_is_carried_is_in_one_later_update_alone() -> None:
    rounds = rounds_of(TrainerThatArrives())
    first = run(rounds, 1)
    rounds.go_on_from([first])
    run(rounds, 2)
    assert run(rounds, 3)["head.bias"] == pytest.approx(first["head.bias"])


def test_a_round_that_fails_takes_nothing_of_what_is_carried() -> None:
    trainer = TrainerThatArrives()
    rounds = rounds_of(trainer)
    rounds.go_on_from([run(rounds, 1)])
    trainer.diverges = True
    with pytest.raises(MfptError, match="diverged"):
        run(rounds, 2)
    trainer.diverges = False
    assert run(rounds, 3)["head.bias"] == pytest.approx(OPTIMUM * (1 - 0.25**2))
