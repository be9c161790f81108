"""The head in closed form: it knows something at once, it can be averaged, and it stays finite."""

from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np
import pytest
import torch

from mfpt_edge.backbone.parts import Backbone
from mfpt_edge.data.cldr import CLDR_LABELS
from mfpt_edge.data.example import Example
from mfpt_edge.data.sources import load_dataset
from mfpt_edge.tuning.batches import Encoded
from mfpt_edge.tuning.encoding import encode
from mfpt_edge.tuning.loop import evaluate
from mfpt_edge.tuning.model import PromptModel
from mfpt_edge.tuning.ridge_head import solve
from mfpt_shared import plan
from mfpt_shared.languages import LanguageCode
from support.models import FOODS, food_model, labelling, solve_head


def balanced(examples: Iterable[Example], each: int) -> list[Example]:
    """Return the first `each` examples of each label."""
    seen: Counter[int] = Counter()
    chosen = []
    for example in examples:
        seen[example.label] += 1
        if seen[example.label] <= each:
            chosen.append(example)
    return chosen


@pytest.fixture(scope="module")
def names(backbone: Backbone) -> tuple[PromptModel, Encoded, Encoded]:
    """A model, and names of four kinds in Swahili: 64 to fit, 48 others to test, as many of each kind."""
    model = PromptModel(backbone, plan.Plan(task=plan.Task(labels=CLDR_LABELS)))
    dataset = load_dataset("cldr", LanguageCode("swh"), CLDR_LABELS)
    known = balanced(dataset.train, 16)
    unseen = balanced([name for name in dataset.train if name not in known], 12)
    return model, encode(model, known), encode(model, unseen)


def test_a_head_in_closed_form_knows_more_than_chance(names: tuple[PromptModel, Encoded, Encoded]) -> None:
    model, known, unseen = names
    solve_head(model, known)
    chance = np.bincount(unseen.targets.numpy()).max() / len(unseen.ids)
    assert chance == 0.25
    assert evaluate(model, unseen).accuracy > 0.6


def test_heads_of_two_halves_averaged_do_about_as_well_as_one_on_all(
    names: tuple[PromptModel, Encoded, Encoded],
) -> None:
    model, known, unseen = names
    solved = []
    for rows in (range(len(known.ids)), range(0, len(known.ids), 2), range(1, len(known.ids), 2)):
        solve_head(model, known.take(rows))
        solved.append((evaluate(model, unseen).accuracy, model.state()))
    (together, _), (_, one), (_, other) = solved
    model.load({name: np.mean([one[name], other[name]], axis=0, dtype=np.float32) for name in one})
    assert abs(evaluate(model, unseen).accuracy - together) < 0.1


def test_a_head_in_closed_form_leaves_the_prompt_alone(tiny_backbone: Callable[..., Backbone]) -> None:
    model = food_model(tiny_backbone())
    before = model.state()
    solve_head(model, encode(model, FOODS))
    after = model.state()
    np.testing.assert_array_equal(after["prompt"], before["prompt"])
    assert after["head.weight"].any()
    assert after["head.bias"].any()


def test_a_head_in_closed_form_learns_a_separable_task(tiny_backbone: Callable[..., Backbone]) -> None:
    model = food_model(tiny_backbone("Bert", "nf4"))
    encoded = encode(model, FOODS)
    solve_head(model, encoded)
    assert evaluate(model, encoded).accuracy > 0.8


def test_the_mean_example_is_given_no_label(tiny_backbone: Callable[..., Backbone]) -> None:
    """How often each label occurs shifts no answer: heads of devices with different shares can be averaged."""
    model = food_model(tiny_backbone())
    encoded = encode(model, FOODS[:40])
    objective = labelling(model)
    objective.solve_head(model.last_states, encoded)
    with torch.no_grad():
        scores = objective.head(objective.features(model.last_states, encoded).mean(dim=0))
    torch.testing.assert_close(scores, torch.zeros_like(scores), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "examples",
    [
        [Example("good", 0)],
        [Example("good", 0), Example("bad", 1)],
        [Example(word, 1) for word in ("good", "fine", "great", "bad", "the food")],
        [Example("good", number % 2) for number in range(7)],
    ],
    ids=["one example", "one of each label", "one label", "one text"],
)
def test_examples_that_say_little_give_a_finite_head(
    tiny_backbone: Callable[..., Backbone], examples: list[Example]
) -> None:
    model = food_model(tiny_backbone())
    solve_head(model, encode(model, examples))
    state = model.state()
    assert all(np.isfinite(array).all() for array in state.values())
    assert all(np.abs(array).max() < 1000 for array in state.values()), "or the coordinator refuses it"


def test_the_solution_is_the_same_from_one_equation_a_decision_as_from_one_a_feature() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(200, 64, generator=generator)
    targets = (features[:, :3] + torch.randn(200, 3, generator=generator)).argmax(dim=1)
    # Features of zeros change no solution, but there are more of them than decisions.
    wider = torch.nn.functional.pad(features, (0, 200))
    torch.testing.assert_close(
        solve(wider, targets, 3).weight[:, :64], solve(features, targets, 3).weight, rtol=1e-3, atol=1e-4
    )
