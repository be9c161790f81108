"""One device's trainer: where it solves for the head, where it makes steps, and what it measures."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest

from mfpt_edge.backbone.parts import Backbone
from mfpt_edge.data.example import Example
from mfpt_edge.data.sources import Dataset
from mfpt_edge.tuning import backbone_trainer
from mfpt_edge.tuning.backbone_trainer import BackboneTrainer, load_trainer
from mfpt_edge.tuning.encoding import encode
from mfpt_edge.tuning.model import PromptModel
from mfpt_shared import plan
from mfpt_shared.device.held_out import held_out
from mfpt_shared.device.own_share import SHARES
from mfpt_shared.errors import DatasetError
from mfpt_shared.tensors import PromptState, initial_state

LoadTiny = Callable[..., Backbone]

EXAMPLES = tuple(
    Example(f"{start} {word} {end}", label)
    for label, words in enumerate((("good", "fine", "great"), ("bad", "poor", "awful")))
    for word in words
    for start in ("the food was", "a b c")
    for end in ("", "and d")
)
NOTHING = (0.0, 0.0, 0)


def make_plan(backbone: Backbone, **training: Any) -> plan.Plan:
    return plan.Plan(
        task=plan.Task(labels=("praise", "complaint")),
        backbone=plan.BackboneSpec(uri="path:tiny", width=backbone.width, layers=backbone.layers, quantisation="none"),
        prompt=plan.PromptSpec(tokens=4),
        training=plan.Training(batch_size=8, **training),
    )


def make_trainer(backbone: Backbone, **training: Any) -> tuple[BackboneTrainer, plan.Plan]:
    the_plan = make_plan(backbone, **training)
    model = PromptModel(backbone, the_plan)
    return BackboneTrainer(model, encode(model, EXAMPLES), encode(model, ())), the_plan


def with_head(state: PromptState) -> PromptState:
    return {**state, "head.weight": np.full_like(state["head.weight"], 0.01)}


def held_rows(model: PromptModel, examples: Sequence[Example]) -> list[int]:
    """Return which examples a trainer holds out: by their tokens, whatever other examples there are."""
    return held_out([example.label for example in examples], [str(ids) for ids in encode(model, examples).ids])


def no_progress(share: float, loss: float) -> None:
    del share, loss


def test_from_a_zero_head_a_device_solves_for_it_and_makes_no_step(tiny_backbone: LoadTiny) -> None:
    trainer, the_plan = make_trainer(tiny_backbone(), head_start="ridge")
    start, steps = initial_state(the_plan), list[float]()
    tuned = trainer.tune(start, epochs=5, seed=0, on_progress=lambda share, _: steps.append(share))
    assert tuned.epochs == 0
    assert steps == []
    assert tuned.state["head.weight"].any()
    np.testing.assert_array_equal(tuned.state["prompt"], start["prompt"])
    assert tuned.loss < trainer.validate(start).loss
    assert trainer.validate(tuned.state).accuracy > 0.7


def test_from_a_head_that_knows_something_a_device_makes_steps(tiny_backbone: LoadTiny) -> None:
    trainer, the_plan = make_trainer(tiny_backbone())
    start, steps = with_head(initial_state(the_plan)), list[float]()
    tuned = trainer.tune(start, epochs=2, seed=0, on_progress=lambda share, _: steps.append(share))
    assert tuned.epochs == 2
    assert steps == [number / 6 for number in range(1, 7)]
    assert not np.array_equal(tuned.state["prompt"], start["prompt"])


def test_a_plan_without_a_head_start_makes_steps_from_a_zero_head(tiny_backbone: LoadTiny) -> None:
    trainer, the_plan = make_trainer(tiny_backbone(), head_start="zero")
    start = initial_state(the_plan)
    tuned = trainer.tune(start, epochs=2, seed=0, on_progress=no_progress)
    assert tuned.epochs == 2
    assert not np.array_equal(tuned.state["prompt"], start["prompt"])
    assert tuned.state["head.weight"].any()


@pytest.mark.parametrize("knows", [False, True], ids=["closed form", "steps"])
def test_the_same_start_and_seed_give_the_same_state(tiny_backbone: LoadTiny, knows: bool) -> None:
    trainer, the_plan = make_trainer(tiny_backbone(), head_start="ridge")
    start = with_head(initial_state(the_plan)) if knows else initial_state(the_plan)
    first, second = (trainer.tune(start, epochs=2, seed=3, on_progress=no_progress).state for _ in range(2))
    for name, array in first.items():
        np.testing.assert_array_equal(second[name], array)


@pytest.mark.parametrize("knows", [False, True], ids=["closed form", "steps"])
def test_what_is_held_out_makes_no_difference_to_what_is_tuned(tiny_backbone: LoadTiny, knows: bool) -> None:
    backbone = tiny_backbone()
    the_plan = make_plan(backbone, head_start="ridge")
    model = PromptModel(backbone, the_plan)
    examples = encode(model, EXAMPLES)
    rest = examples.take([row for row in range(len(EXAMPLES)) if row not in held_rows(model, EXAMPLES)])
    start = with_head(initial_state(the_plan)) if knows else initial_state(the_plan)
    states = []
    for train, hold_out in ((examples, True), (rest, False)):
        trainer = BackboneTrainer(model, train, encode(model, ()))
        states.append(trainer.tune(start, epochs=2, seed=0, on_progress=no_progress, hold_out=hold_out).state)
    for name, array in states[0].items():
        np.testing.assert_array_equal(states[1][name], array)


def test_an_own_share_of_nothing_leaves_a_prompt_exactly_as_it_is(tiny_backbone: LoadTiny) -> None:
    trainer, the_plan = make_trainer(tiny_backbone())
    state = with_head(initial_state(the_plan))
    assert trainer.with_own_head(state, 0.0) is state


def test_an_own_head_changes_the_head_alone_and_does_better_than_one_that_knows_nothing(
    tiny_backbone: LoadTiny,
) -> None:
    trainer, the_plan = make_trainer(tiny_backbone())
    state = with_head(initial_state(the_plan))
    own = trainer.with_own_head(state, SHARES[-1])
    np.testing.assert_array_equal(own["prompt"], state["prompt"])
    assert trainer.validate(own).accuracy > trainer.validate(state).accuracy
    trials = trainer.try_shares(state)
    assert trials is not None
    assert trials.answers == 8
    assert trials.losses[0] == pytest.approx(trainer.validate(state).loss, rel=1e-4)
    assert min(trials.losses) < trials.losses[0]
    assert trials.accuracy(0) == pytest.approx(trainer.validate(state).accuracy)
    assert (trials.accuracy(1) or 0) > (trials.accuracy(0) or 0)


def test_shares_are_tried_without_a_look_at_test_examples(tiny_backbone: LoadTiny) -> None:
    backbone = tiny_backbone()
    the_plan = make_plan(backbone)
    model, state = PromptModel(backbone, the_plan), with_head(initial_state(the_plan))
    trainers = [BackboneTrainer(model, encode(model, EXAMPLES), encode(model, test)) for test in ((), EXAMPLES[:4])]
    one, other = (trainer.try_shares(state) for trainer in trainers)
    assert one == other


@pytest.mark.parametrize("examples", [EXAMPLES[:1], EXAMPLES[:12]], ids=["one example", "one label"])
def test_where_labels_cannot_be_told_apart_nothing_is_tried_and_the_prompt_stays(
    tiny_backbone: LoadTiny, examples: tuple[Example, ...]
) -> None:
    backbone = tiny_backbone()
    the_plan = make_plan(backbone)
    model, state = PromptModel(backbone, the_plan), with_head(initial_state(the_plan))
    trainer = BackboneTrainer(model, encode(model, examples), encode(model, ()))
    assert trainer.try_shares(state) is None
    assert trainer.with_own_head(state, 0.8) is state


def test_nothing_is_measured_on_a_copy_of_what_is_trained_on(tiny_backbone: LoadTiny) -> None:
    backbone = tiny_backbone()
    the_plan = make_plan(backbone)
    model, state = PromptModel(backbone, the_plan), with_head(initial_state(the_plan))
    copies = [Example("good", 0)] * 6 + [Example("bad", 1)] * 6
    mixed = [*copies, *EXAMPLES]
    apart = BackboneTrainer(model, encode(model, mixed), encode(model, ()))
    held = [mixed[row] for row in held_rows(model, mixed)]
    assert apart.validate(state).examples == sum(mixed.count(one) == held.count(one) for one in held)
    nothing_else = BackboneTrainer(model, encode(model, copies), encode(model, ()))
    assert nothing_else.validate(state).examples == 0
    assert nothing_else.try_shares(state) is None


def test_where_answers_are_very_many_a_head_is_fitted_to_some_and_tried_on_the_held_out_ones_of_these(
    tiny_backbone: LoadTiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backbone_trainer, "_MOST_ANSWERS", len(EXAMPLES) // 2)
    backbone = tiny_backbone()
    trainer, the_plan = make_trainer(backbone)
    state = with_head(initial_state(the_plan))
    held = held_rows(PromptModel(backbone, the_plan), EXAMPLES)
    trials = trainer.try_shares(state)
    assert trials is not None
    assert trials.answers == sum(row % 2 == 0 for row in held)
    assert min(trials.losses) < trials.losses[0]
    assert trainer.validate(trainer.with_own_head(state, SHARES[-1])).accuracy > trainer.validate(state).accuracy


def test_measuring_does_not_change_what_is_measured(tiny_backbone: LoadTiny) -> None:
    trainer, the_plan = make_trainer(tiny_backbone())
    tuned = trainer.tune(initial_state(the_plan), epochs=1, seed=0, on_progress=no_progress).state
    before = trainer.validate(tuned)
    trainer.validate(initial_state(the_plan))
    assert trainer.validate(tuned) == before
    assert before.examples == 8


def test_without_examples_nothing_is_known(tiny_backbone: LoadTiny) -> None:
    trainer, the_plan = make_trainer(tiny_backbone())
    found = trainer.test(initial_state(the_plan))
    assert (found.accuracy, found.loss, found.examples) == NOTHING


def test_a_device_with_too_few_examples_does_not_load_a_backbone(
    tiny_backbone: LoadTiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    the_plan = make_plan(tiny_backbone())
    monkeypatch.setattr(backbone_trainer, "backbone_for", lambda *_: pytest.fail("a backbone was loaded"))
    with pytest.raises(DatasetError, match="7 training examples; the plan asks for 8"):
        load_trainer(the_plan, Dataset(EXAMPLES[:7], ()), device="cpu")


def test_words_are_counted_where_they_are_what_is_labelled(
    tiny_backbone: LoadTiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    the_plan = make_plan(tiny_backbone())
    the_plan = msgspec.structs.replace(the_plan, task=msgspec.structs.replace(the_plan.task, kind="tagging"))
    sentences = [Example("", words=("a",) * words, tags=(0,) * words) for words in (3, 4, 1)]
    monkeypatch.setattr(backbone_trainer, "backbone_for", lambda *_: pytest.fail("a backbone was loaded"))
    with pytest.raises(DatasetError, match="7 training words; the plan asks for 8"):
        load_trainer(the_plan, Dataset(tuple(sentences[:2]), ()), device="cpu")
    with pytest.raises(pytest.fail.Exception, match="a backbone was loaded"):
        load_trainer(the_plan, Dataset(tuple(sentences), ()), device="cpu")
