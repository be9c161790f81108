"""What a trainer promises, kept by one in this process and by one in another: the same, to the last bit."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from mfpt_edge.engine.remote_trainer import RemoteTrainer
from mfpt_shared.device.trainer import Trainer
from mfpt_shared.tensors import PromptState
from support.arithmetic import HEADLESS, ArithmeticTrainer
from support.engine_program import Nobody, engine

LARGE_SEED = 2**127 + 11


class Enough(Exception):
    """Somebody wants no more of it."""


@pytest.fixture(scope="module")
def remote() -> Iterator[Trainer]:
    with contextlib.closing(engine()) as running:
        yield RemoteTrainer(running, b"arithmetic", Nobody())


@pytest.fixture(params=["here", "in another process"])
def trainer(request: pytest.FixtureRequest, remote: Trainer) -> Trainer:
    return ArithmeticTrainer() if request.param == "here" else remote


def state(first: float = 0.25) -> PromptState:
    rng = np.random.default_rng(1)
    prompt = rng.standard_normal((3, 4)).astype(np.float32)
    prompt[0, 0] = first
    return {"prompt": prompt, "head.weight": np.zeros((2, 4), np.float32), "head.bias": np.zeros(2, np.float32)}


def assert_equal(first: PromptState, second: PromptState) -> None:
    assert list(first) == list(second)
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name], strict=True)


def no_progress(share: float, loss: float) -> None:
    del share, loss


def test_it_says_what_it_has_loaded(trainer: Trainer) -> None:
    assert (trainer.examples, trainer.fingerprint, trainer.device) == (10, "sha256:none", "abacus")


@pytest.mark.parametrize("hold_out", [False, True])
def test_it_tunes_as_start_seed_and_held_out_examples_say(trainer: Trainer, hold_out: bool) -> None:
    expected = ArithmeticTrainer().tune(state(), epochs=3, seed=LARGE_SEED, on_progress=no_progress, hold_out=hold_out)
    tuned = trainer.tune(state(), epochs=3, seed=LARGE_SEED, on_progress=no_progress, hold_out=hold_out)
    assert_equal(tuned.state, expected.state)
    assert (tuned.loss, tuned.epochs) == (expected.loss, 3)


def test_it_reports_every_step_with_its_loss(trainer: Trainer) -> None:
    expected, steps = list[tuple[float, float]](), list[tuple[float, float]]()
    ArithmeticTrainer().tune(state(), epochs=3, seed=9, on_progress=lambda *step: expected.append(step))
    trainer.tune(state(), epochs=3, seed=9, on_progress=lambda *step: steps.append(step))
    assert steps == expected


def test_what_a_callback_raises_stops_the_training_and_nothing_else(trainer: Trainer) -> None:
    steps = list[float]()

    def cancel(share: float, _loss: float) -> None:
        steps.append(share)
        raise Enough

    with pytest.raises(Enough):
        trainer.tune(state(), epochs=100, seed=9, on_progress=cancel)
    assert steps == [0.01]
    assert trainer.validate(state()).examples == 3


def test_it_measures_to_the_last_bit(trainer: Trainer) -> None:
    assert trainer.validate(state()) == ArithmeticTrainer().validate(state())
    assert trainer.test(state()) == ArithmeticTrainer().test(state())


def test_it_tries_shares_or_says_that_there_is_nothing_to_try(trainer: Trainer) -> None:
    assert trainer.try_shares(state()) == ArithmeticTrainer().try_shares(state())
    assert trainer.try_shares(state(HEADLESS)) is None


def test_it_remembers_the_state_that_it_has_just_seen(trainer: Trainer) -> None:
    same = state()
    trainer.try_shares(same)
    assert trainer.with_own_head(same, 0.5)["head.bias"].tolist() == [10.5, 10.5]


def test_without_an_own_share_a_prompt_is_returned_as_it_is(trainer: Trainer) -> None:
    same = state()
    assert trainer.with_own_head(same, 0.0) is same


def test_a_state_that_comes_back_can_be_written_to(trainer: Trainer) -> None:
    trainer.with_own_head(state(), 0.5)["head.bias"] += 1


@pytest.mark.slow
def test_the_real_trainer_is_the_same_in_another_process(tiny_folder: Callable[[str], Path]) -> None:
    from mfpt_shared.tensors import initial_state
    from support.engine_backbone import tiny_plan, tiny_trainer

    folder = tiny_folder("Bert")
    start = initial_state(tiny_plan(folder))
    with contextlib.closing(engine()) as running:
        here, there = tiny_trainer(folder), RemoteTrainer(running, f"tiny {folder}".encode(), Nobody())
        assert (there.examples, there.fingerprint, there.device) == (here.examples, here.fingerprint, here.device)
        for hold_out in (True, False):
            runs = [
                one.tune(start, epochs=2, seed=5, on_progress=no_progress, hold_out=hold_out) for one in (here, there)
            ]
            assert_equal(runs[0].state, runs[1].state)
            assert runs[0].loss == runs[1].loss
        tuned = runs[0].state
        assert there.validate(tuned) == here.validate(tuned)
        assert there.test(tuned) == here.test(tuned)
        tried, expected = there.try_shares(tuned), here.try_shares(tuned)
        assert tried is not None
        assert expected is not None
        assert (list(tried.losses), tried.answers) == (list(expected.losses), expected.answers)
        assert list(tried.accuracies) == list(expected.accuracies) != []
        assert_equal(there.with_own_head(tuned, 0.5), here.with_own_head(tuned, 0.5))
