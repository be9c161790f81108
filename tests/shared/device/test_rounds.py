"""A device's rounds with a trainer that does arithmetic: what is sent, and what the device uses."""

import itertools
import math

import numpy as np
import pytest

from mfpt_shared.device.own_share import SHARES, Trials
from mfpt_shared.device.rounds import Rounds
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
"""Number of held-out answers, large enough that a small difference is not chance."""


class ArithmeticTrainer:
    """Tuning adds `step` to all values; the loss of a head is how far its own share is from the best one."""

    def __init__(self, best: float | None = None, *, step: float = 1.0) -> None:
        self.examples = 10
        self.fingerprint = "f"
        self.device = "stub"
        self.best = best
        self.step = step
        self.seeds: list[int] = []
        self.epochs: list[int] = []
        self.held_out: list[bool] = []
        self.tried: list[float] = []

    def tune(
        self, start: PromptState, *, epochs: int, seed: int, on_progress: OnProgress, hold_out: bool = False
    ) -> Tuned:
        on_progress(1.0, 1.0)
        self.epochs.append(epochs)
        self.seeds.append(seed)
        self.held_out.append(hold_out)
        return Tuned({name: array + np.float32(self.step) for name, array in start.items()}, 0.25, epochs)

    def validate(self, state: PromptState) -> Measured:
        return Measured(float(state["head.bias"][0]) / 100, 1.0, 4)

    def test(self, state: PromptState) -> Measured:
        raise AssertionError("what a device uses is chosen without test examples")

    def try_shares(self, state: PromptState) -> Trials | None:
        self.tried.append(float(state["head.bias"][0]))
        if self.best is None:
            return None
        return Trials(SHARES, [abs(share - self.best) for share in SHARES], MANY)

    def with_own_head(self, state: PromptState, share: float) -> PromptState:
        return {**state, "head.bias": state["head.bias"] + np.float32(share)}


def prompt(value: float, version: int, usual: float | None = None) -> Prompt:
    """Return a prompt of the federation whose values all are the same."""
    header = PromptHeader(language=SWAHILI, version=version, plan=PLAN.digest, backbone="", own_share=usual)
    state = {name: np.full_like(array, value) for name, array in initial_state(PLAN).items()}
    return Prompt(header, halve(state))


def rounds_of(trainer: ArithmeticTrainer, share: float | None = None) -> Rounds:
    ticks = itertools.count(step=2.0)
    return Rounds("abc", SWAHILI, PLAN, trainer, lambda: next(ticks), share)


def no_progress(share: float, loss: float) -> None:
    del share, loss


# ---- what a device uses


def test_a_device_that_keeps_nothing_of_its_own_uses_exactly_the_federations_prompt() -> None:
    personal = rounds_of(ArithmeticTrainer(best=0.0)).personal(prompt(7.0, 3))
    assert (personal.version, personal.share) == (3, 0.0)
    for name, array in dense(prompt(7.0, 3).state).items():
        np.testing.assert_array_equal(personal.state[name], array)


def test_a_device_uses_a_head_of_the_share_that_does_best_on_what_it_held_out() -> None:
    personal = rounds_of(ArithmeticTrainer(best=SHARES[5])).personal(prompt(7.0, 3))
    assert personal.share == SHARES[5]
    assert personal.state["head.bias"][0] == np.float32(7 + SHARES[5])


def test_where_there_is_no_head_the_federations_prompt_is_used_and_no_share_is_told() -> None:
    update, done = rounds_of(ArithmeticTrainer(None)).run(1, prompt(7.0, 3), no_progress)
    assert (done.personal.share, done.personal.chosen) == (0, False)
    assert update.header.metrics.own_share is None


def test_the_first_three_rounds_hold_examples_out_and_the_fourth_still_chooses_by_them() -> None:
    trainer = ArithmeticTrainer()
    rounds = rounds_of(trainer)
    for number in range(1, 7):
        trainer.best = SHARES[number]
        update, done = rounds.run(number, prompt(float(number), number), no_progress)
        assert update.header.metrics.own_share == done.personal.share == SHARES[min(number, 4)]
        assert done.on_all == (number > 3)
        assert (done.accuracy is None) == (number > 4), "measured only while the prompt has not seen the examples"
    assert trainer.held_out == [True] * 3 + [False] * 3
    assert trainer.tried == [1, 2, 3, 4]


def test_under_a_new_plan_the_first_three_rounds_hold_examples_out_again() -> None:
    trainer = ArithmeticTrainer(best=0.0)
    rounds = Rounds("abc", SWAHILI, PLAN, trainer, lambda: 0.0, first=8)
    known = [rounds.run(number, prompt(1.0, number), no_progress)[1].accuracy is not None for number in range(8, 14)]
    assert trainer.held_out == [True] * 3 + [False] * 3
    assert known == [True] * 4 + [False] * 2


def test_what_was_chosen_by_then_holds_for_every_later_prompt() -> None:
    trainer = ArithmeticTrainer(best=SHARES[3])
    rounds = rounds_of(trainer)
    for number in range(1, 5):
        rounds.run(number, prompt(float(number), number), no_progress)
    trainer.best = 0.0
    personal = rounds.personal(prompt(50.0, 9))
    assert (personal.version, personal.share, personal.measured.examples) == (9, SHARES[3], 0)
    assert personal.state["head.bias"][0] == np.float32(50 + SHARES[3])


def test_the_share_of_an_earlier_run_holds_until_a_round_can_choose_again() -> None:
    trainer = ArithmeticTrainer(best=SHARES[1])
    rounds = rounds_of(trainer, share=SHARES[6])
    assert rounds.personal(prompt(0.0, 8)).share == SHARES[6]
    assert trainer.tried == []
    assert rounds.run(9, prompt(0.0, 8), no_progress)[1].personal.share == SHARES[6]
    rounds = rounds_of(trainer, share=SHARES[6])
    assert rounds.run(2, prompt(0.0, 8), no_progress)[1].personal.share == SHARES[1]


def test_a_device_that_lost_what_it_had_chosen_chooses_again_and_keeps_to_that() -> None:
    trainer = ArithmeticTrainer(best=SHARES[5])
    rounds = rounds_of(trainer)
    assert rounds.run(9, prompt(0.0, 8), no_progress)[1].personal.share == SHARES[5]
    rounds.run(10, prompt(0.0, 9), no_progress)
    assert len(trainer.tried) == 1


def test_with_little_to_go_by_what_others_usually_keep_decides() -> None:
    class Unsure(ArithmeticTrainer):
        def try_shares(self, state: PromptState) -> Trials:
            return Trials(SHARES, [1.0] * len(SHARES), 4)

    assert rounds_of(Unsure()).personal(prompt(0.0, 3, usual=SHARES[5])).share == SHARES[5]
    assert rounds_of(Unsure()).personal(prompt(0.0, 3)).share == 0


# ---- what is sent


def test_an_update_is_the_change_that_tuning_made() -> None:
    rounds = rounds_of(ArithmeticTrainer())
    update, done = rounds.run(2, prompt(40.0, 3), no_progress)
    header = update.header
    assert (header.sequence, header.base_version, header.examples) == (2, 3, 10)
    assert (header.language, header.plan, header.backbone) == ("swh", PLAN.digest, "f")
    assert header.seconds == 2.0
    assert (header.metrics.loss, header.metrics.accuracy, header.metrics.validated) == (0.25, 0.4, 4)
    for change in dense(update.delta).values():
        np.testing.assert_allclose(change, 1.0, rtol=1e-6)
    assert (done.sequence, done.version, done.loss, done.accuracy) == (2, 3, 0.25, 0.4)


def test_what_eight_bits_leave_out_comes_with_the_next_update() -> None:
    class Uneven(ArithmeticTrainer):
        def tune(
            self, start: PromptState, *, epochs: int, seed: int, on_progress: OnProgress, hold_out: bool = False
        ) -> Tuned:
            del seed, on_progress
            change = {name: np.full_like(array, 0.0004) for name, array in start.items()}
            change["prompt"][0, 0] = 1.0
            return Tuned({name: array + change[name] for name, array in start.items()}, 1.0, epochs)

    rounds = rounds_of(Uneven())
    deltas = [dense(rounds.run(number, prompt(0.0, number), no_progress)[0].delta) for number in range(1, 101)]
    assert deltas[0]["prompt"][0, 1] == 0.0, "less than half a step of its row"
    np.testing.assert_allclose(np.mean([delta["prompt"][0, 1] for delta in deltas], axis=0), 0.0004, rtol=0.1)


def test_a_device_with_few_examples_makes_more_epochs() -> None:
    trainer = ArithmeticTrainer()
    rounds_of(trainer).run(1, prompt(0.0, 0), no_progress)
    assert trainer.epochs == [3], "6 steps at least, 2 an epoch"


def test_every_round_of_a_device_has_a_seed_of_its_own() -> None:
    trainer = ArithmeticTrainer()
    rounds = rounds_of(trainer)
    for number in (1, 2, 3):
        rounds.run(number, prompt(0.0, number), no_progress)
    assert len(set(trainer.seeds)) == 3


# ---- what goes wrong


@pytest.mark.parametrize("step", [math.nan, math.inf])
def test_a_diverged_training_is_an_error_and_the_next_round_goes_on(step: float) -> None:
    trainer = ArithmeticTrainer(step=step)
    rounds = rounds_of(trainer)
    with pytest.raises(MfptError, match="learning rates"):
        rounds.run(1, prompt(0.0, 0), no_progress)
    trainer.step = 1.0
    update, _ = rounds.run(2, prompt(10.0, 1), no_progress)
    assert all(np.isfinite(change).all() for change in dense(update.delta).values())
