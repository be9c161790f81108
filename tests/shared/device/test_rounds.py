"""A device's rounds with a trainer that does arithmetic: what is sent, and which prompt is kept."""

import itertools
import math
from collections.abc import Mapping

import numpy as np
import pytest

from mfpt_shared.device.rounds import Candidate, Rounds
from mfpt_shared.device.trainer import Measured, OnProgress, Tuned
from mfpt_shared.errors import MfptError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import BackboneSpec, Plan, PromptSpec, Task, Training
from mfpt_shared.protocol.messages import Prompt, PromptHeader
from mfpt_shared.tensors import PromptState, dense, halve, initial_state

SWAHILI = LanguageCode("swh")
PLAN = Plan(
    task=Task(labels=("a", "b")),
    backbone=BackboneSpec(width=4, layers=2),
    prompt=PromptSpec(tokens=2),
    training=Training(epochs=1, min_steps=6, batch_size=5),
)
MANY = 10_000
"""Number of validation examples, large enough that a difference of a percent is not chance."""


class ArithmeticTrainer:
    """Tuning adds `step` to all values; the accuracy of a state is looked up by its head's first bias."""

    def __init__(self, accuracies: Mapping[float, float], *, step: float = 1.0, validated: int = MANY) -> None:
        self.examples = 10
        self.fingerprint = "f"
        self.device = "stub"
        self.step = step
        self.seeds: list[int] = []
        self.epochs: list[int] = []
        self._accuracies = accuracies
        self._validated = validated

    def tune(
        self, start: PromptState, *, epochs: int, seed: int, on_progress: OnProgress, hold_out: bool = False
    ) -> Tuned:
        on_progress(1.0, 1.0)
        self.epochs.append(epochs)
        self.seeds.append(seed)
        return Tuned({name: array + np.float32(self.step) for name, array in start.items()}, 0.25, epochs)

    def validate(self, state: PromptState) -> Measured:
        if not self._validated:
            return Measured(0.0, 0.0, 0)
        return Measured(self._accuracies.get(float(state["head.bias"][0]), 0.0), 1.0, self._validated)

    def test(self, state: PromptState) -> Measured:
        return self.validate(state)


def prompt(value: float, version: int) -> Prompt:
    """Return a prompt of the federation whose values, and with them its accuracy, follow from one number."""
    header = PromptHeader(language=SWAHILI, version=version, plan=PLAN.digest, backbone="")
    state = {name: np.full_like(array, value) for name, array in initial_state(PLAN).items()}
    return Prompt(header, halve(state))


def rounds_of(trainer: ArithmeticTrainer, own: Prompt | None = None) -> Rounds:
    ticks = itertools.count(step=2.0)
    return Rounds("abc", SWAHILI, PLAN, trainer, lambda: next(ticks), own)


def kept(rounds: Rounds) -> tuple[str, int, float]:
    """Return origin, version and value of the prompt that is kept."""
    assert isinstance(rounds.kept, Candidate)
    return rounds.kept.origin, rounds.kept.version, float(rounds.kept.state["head.bias"][0])


def no_progress(share: float, loss: float) -> None:
    del share, loss


# ---- which prompt is kept


def test_nothing_is_kept_before_anything_was_measured() -> None:
    assert rounds_of(ArithmeticTrainer({})).kept is None


def test_between_equals_the_federations_prompt_is_kept() -> None:
    rounds = rounds_of(ArithmeticTrainer({0.0: 0.5, 1.0: 0.5}))
    rounds.run(1, prompt(0.0, 3), no_progress)
    assert kept(rounds) == ("federated", 3, 0.0)


def test_the_federations_prompt_is_kept_when_it_does_better_than_the_own_one() -> None:
    rounds = rounds_of(ArithmeticTrainer({0.0: 0.3, 1.0: 0.6, 10.0: 0.8, 11.0: 0.7}))
    rounds.run(1, prompt(0.0, 0), no_progress)
    rounds.run(2, prompt(10.0, 1), no_progress)
    assert kept(rounds) == ("federated", 1, 10.0)


def test_the_own_prompt_is_kept_when_it_does_clearly_better() -> None:
    rounds = rounds_of(ArithmeticTrainer({0.0: 0.5, 1.0: 0.7}))
    rounds.run(1, prompt(0.0, 3), no_progress)
    assert kept(rounds) == ("own", 3, 1.0)


@pytest.mark.parametrize(("own", "origin"), [(0.54, "federated"), (0.56, "own")])
def test_a_difference_within_a_standard_error_leaves_the_federations_prompt(own: float, origin: str) -> None:
    rounds = rounds_of(ArithmeticTrainer({0.0: 0.5, 1.0: own}, validated=100))  # standard error 0.05
    rounds.run(1, prompt(0.0, 0), no_progress)
    assert kept(rounds)[0] == origin


def test_the_best_own_prompt_survives_a_worse_later_one() -> None:
    rounds = rounds_of(ArithmeticTrainer({0.0: 0.3, 1.0: 0.8, 10.0: 0.4, 11.0: 0.6}))
    rounds.run(1, prompt(0.0, 0), no_progress)
    rounds.run(2, prompt(10.0, 5), no_progress)
    assert kept(rounds) == ("own", 0, 1.0)


def test_an_own_prompt_gives_way_to_a_federated_one_that_catches_up_and_comes_back_when_that_falls() -> None:
    rounds = rounds_of(ArithmeticTrainer({0.0: 0.3, 1.0: 0.6, 20.0: 0.6, 30.0: 0.2}))
    rounds.run(1, prompt(0.0, 0), no_progress)
    assert kept(rounds)[0] == "own"
    rounds.judge(prompt(20.0, 1))
    assert kept(rounds) == ("federated", 1, 20.0)
    rounds.judge(prompt(30.0, 2))
    assert kept(rounds) == ("own", 0, 1.0)


def test_the_own_prompt_of_an_earlier_run_is_considered() -> None:
    trainer = ArithmeticTrainer({0.0: 0.3, 1.0: 0.4, 10.0: 0.9, 5.0: 0.8})
    rounds = rounds_of(trainer, own=prompt(5.0, 7))
    assert kept(rounds) == ("own", 7, 5.0)
    rounds.run(1, prompt(0.0, 8), no_progress)
    assert kept(rounds) == ("own", 7, 5.0)
    rounds.judge(prompt(10.0, 9))
    assert kept(rounds) == ("federated", 9, 10.0)


def test_a_device_without_validation_examples_keeps_the_federations_prompt() -> None:
    rounds = rounds_of(ArithmeticTrainer({}, validated=0))
    for sequence, version in ((1, 0), (2, 1)):
        update, done = rounds.run(sequence, prompt(0.0, version), no_progress)
        assert kept(rounds)[:2] == ("federated", version)
        assert done.accuracy is None
        metrics = update.header.metrics
        assert (metrics.accuracy, metrics.own_share, metrics.validated) == (None, None, 0)


def test_judging_a_prompt_changes_nothing_that_is_sent() -> None:
    trainer = ArithmeticTrainer({0.0: 0.3, 1.0: 0.8})
    rounds = rounds_of(trainer)
    assert rounds.judge(prompt(0.0, 2)) == Measured(0.3, 1.0, MANY)
    assert kept(rounds) == ("federated", 2, 0.0)
    assert trainer.epochs == []


# ---- what is sent


def test_an_update_is_the_change_that_tuning_made() -> None:
    rounds = rounds_of(ArithmeticTrainer({0.0: 0.4}))
    update, done = rounds.run(9, prompt(0.0, 3), no_progress)
    header = update.header
    assert (header.sequence, header.base_version, header.examples) == (9, 3, 10)
    assert (header.language, header.plan, header.backbone) == ("swh", PLAN.digest, "f")
    assert header.seconds == 2.0
    assert (header.metrics.loss, header.metrics.accuracy, header.metrics.validated) == (0.25, 0.4, MANY)
    for change in dense(update.delta).values():
        np.testing.assert_allclose(change, 1.0, rtol=1e-6)
    assert (done.sequence, done.version, done.loss, done.accuracy) == (9, 3, 0.25, 0.4)


def test_what_eight_bits_leave_out_comes_with_the_next_update() -> None:
    class Uneven(ArithmeticTrainer):
        def tune(
            self, start: PromptState, *, epochs: int, seed: int, on_progress: OnProgress, hold_out: bool = False
        ) -> Tuned:
            del seed, on_progress
            change = {name: np.full_like(array, 0.0004) for name, array in start.items()}
            change["prompt"][0, 0] = 1.0
            return Tuned({name: array + change[name] for name, array in start.items()}, 1.0, epochs)

    rounds = rounds_of(Uneven({}))
    deltas = [dense(rounds.run(number, prompt(0.0, number), no_progress)[0].delta) for number in range(1, 101)]
    assert deltas[0]["prompt"][0, 1] == 0.0, "less than half a step of its row"
    np.testing.assert_allclose(np.mean([delta["prompt"][0, 1] for delta in deltas], axis=0), 0.0004, rtol=0.1)


def test_a_device_with_few_examples_makes_more_epochs() -> None:
    trainer = ArithmeticTrainer({})
    rounds_of(trainer).run(1, prompt(0.0, 0), no_progress)
    assert trainer.epochs == [3], "6 steps at least, 2 an epoch"


def test_every_round_of_a_device_has_a_seed_of_its_own() -> None:
    trainer = ArithmeticTrainer({})
    rounds = rounds_of(trainer)
    for number in (1, 2, 3):
        rounds.run(number, prompt(0.0, number), no_progress)
    assert len(set(trainer.seeds)) == 3


# ---- what goes wrong


@pytest.mark.parametrize("step", [math.nan, math.inf])
def test_a_diverged_training_is_an_error_and_its_prompt_is_not_kept(step: float) -> None:
    trainer = ArithmeticTrainer({0.0: 0.3, 1.0: 0.5, 10.0: 0.4}, step=step)
    rounds = rounds_of(trainer)
    with pytest.raises(MfptError, match="learning rates"):
        rounds.run(1, prompt(0.0, 0), no_progress)
    assert kept(rounds) == ("federated", 0, 0.0)
    trainer.step = 1.0
    update, _ = rounds.run(2, prompt(10.0, 1), no_progress)
    assert all(np.isfinite(change).all() for change in dense(update.delta).values())


def test_a_cancelled_round_leaves_no_own_prompt() -> None:
    class Cancelled(Exception):
        pass

    def cancel(share: float, loss: float) -> None:
        raise Cancelled

    rounds = rounds_of(ArithmeticTrainer({0.0: 0.3, 1.0: 0.9}))
    with pytest.raises(Cancelled):
        rounds.run(1, prompt(0.0, 0), cancel)
    assert kept(rounds) == ("federated", 0, 0.0)
