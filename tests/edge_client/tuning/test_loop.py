"""Training a prompt: it learns, it is reproducible, it can be cancelled, and it says so when it fails."""

import itertools
from collections.abc import Callable

import msgspec
import numpy as np
import pytest
import torch

from mfpt_edge.backbone.parts import Backbone
from mfpt_edge.data.example import Example
from mfpt_edge.tuning.encoding import encode
from mfpt_edge.tuning.loop import Progress, evaluate, train
from mfpt_shared.device.trainer import Measured
from mfpt_shared.errors import MfptError
from mfpt_shared.tensors import Array
from support.models import FOODS, food_model, module_of, predict, solve_head


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("method", ["late", "prompt", "p-tuning"])
def test_training_learns_a_separable_task(tiny_backbone: Callable[..., Backbone], method: str) -> None:
    model = food_model(tiny_backbone("Bert", "nf4"), method=method, epochs=20, head_learning_rate=0.02)
    encoded = encode(model, FOODS)
    before = evaluate(model, encoded)
    report = train(model, encoded, model.plan.training, rng=rng())
    after = evaluate(model, encoded)
    assert report.last_loss < report.first_loss
    assert after.loss < 0.7 * before.loss
    assert after.accuracy > 0.8


def test_the_frozen_weights_are_the_same_after_training(tiny_backbone: Callable[..., Backbone]) -> None:
    backbone = tiny_backbone()
    before = {name: part.clone() for name, part in module_of(backbone).state_dict().items()}
    model = food_model(backbone)
    train(model, encode(model, FOODS), model.plan.training, rng=rng())
    assert all(torch.equal(part, before[name]) for name, part in module_of(backbone).state_dict().items())


def test_the_same_seed_gives_the_same_prompt_and_another_seed_another(tiny_backbone: Callable[..., Backbone]) -> None:
    backbone = tiny_backbone("Bert", "nf4")

    def trained(seed: int) -> Array:
        model = food_model(backbone)
        train(model, encode(model, FOODS), model.plan.training, rng=rng(seed))
        return model.state()["prompt"]

    np.testing.assert_array_equal(trained(0), trained(0))
    assert not np.array_equal(trained(0), trained(1))


def test_progress_counts_every_step(tiny_backbone: Callable[..., Backbone]) -> None:
    model = food_model(tiny_backbone(), epochs=2)
    seen: list[Progress] = []
    report = train(model, encode(model, FOODS), model.plan.training, rng=rng(), on_step=seen.append)
    assert [progress.step for progress in seen] == list(range(1, 17))
    assert {progress.steps for progress in seen} == {16} == {report.steps}
    assert [progress.epoch for progress in seen] == [0] * 8 + [1] * 8


def test_training_can_be_cancelled_after_a_step(tiny_backbone: Callable[..., Backbone]) -> None:
    class Cancelled(Exception):
        pass

    def cancel(progress: Progress) -> None:
        if progress.step == 3:
            raise Cancelled

    model = food_model(tiny_backbone())
    with pytest.raises(Cancelled):
        train(model, encode(model, FOODS), model.plan.training, rng=rng(), on_step=cancel)


def test_a_batch_that_is_cut_can_be_cancelled_between_its_parts(tiny_backbone: Callable[..., Backbone]) -> None:
    model = food_model(tiny_backbone(), epochs=1, batch_size=1_000_000)
    seen: list[Progress] = []

    def cancel(progress: Progress) -> None:
        seen.append(progress)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(model, encode(model, FOODS), model.plan.training, rng=rng(), on_step=cancel, at_once=1)
    assert [(progress.step, progress.steps) for progress in seen] == [(0, 1), (0, 1)]
    assert all(progress.loss > 0 for progress in seen)


def test_a_loss_that_is_not_a_number_stops_training_with_advice(tiny_backbone: Callable[..., Backbone]) -> None:
    model = food_model(tiny_backbone())
    state = dict(model.state())
    state["prompt"] = np.full_like(state["prompt"], np.nan)
    model.load(state)
    with pytest.raises(MfptError, match="learning_rate"):
        train(model, encode(model, FOODS), model.plan.training, rng=rng())


def test_no_examples_give_no_figures(tiny_backbone: Callable[..., Backbone]) -> None:
    model = food_model(tiny_backbone())
    assert evaluate(model, encode(model, [])) == Measured(0.0, 0.0, 0)


def test_the_bundled_backbone_learns_a_language_in_seconds(backbone: Backbone) -> None:
    weather = ("mvua inanyesha", "jua linawaka sana", "upepo mkali leo", "baridi ya asubuhi", "mawingu meusi angani")
    sport = ("timu ilifunga bao", "mechi ya fainali", "mchezaji wa mpira", "kocha wa timu", "bingwa wa mbio")
    examples = [Example(text, label) for label, texts in enumerate((weather, sport)) for text in texts]
    model = food_model(backbone, epochs=15)
    encoded = encode(model, examples)
    # As a device does: a head in closed form first, steps from there.
    solve_head(model, encoded)
    train(model, encoded, model.plan.training, rng=rng())
    assert evaluate(model, encoded).accuracy == 1.0
    unseen = encode(model, [Example("leo kuna mvua na baridi", 0), Example("bao la mchezaji wa timu", 1)])
    assert predict(model, unseen).argmax(dim=1).tolist() == [0, 1]


def test_a_linear_schedule_takes_smaller_and_smaller_steps(tiny_backbone: Callable[..., Backbone]) -> None:
    backbone = tiny_backbone()

    def step_sizes(schedule: str) -> list[float]:
        model = food_model(backbone, epochs=4, batch_size=len(FOODS), weight_decay=1e-9)
        training = msgspec.structs.replace(model.plan.training, schedule=schedule)
        passed = [model.state()["head.weight"]]
        train(
            model,
            encode(model, FOODS),
            training,
            rng=rng(),
            on_step=lambda _: passed.append(model.state()["head.weight"]),
        )
        return [float(np.abs(after - before).max()) for before, after in itertools.pairwise(passed)]

    constant, linear = step_sizes("constant"), step_sizes("linear")
    # On the same slope, AdamW makes every step as long as the learning rate.
    np.testing.assert_allclose(np.divide(linear, constant), [1, 0.75, 0.5, 0.25], rtol=0.1)
