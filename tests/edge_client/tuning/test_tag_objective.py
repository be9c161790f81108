"""A label for every word: what is trained on, what is measured, and what is left out of neither."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
import torch

from mfpt_edge.backbone.parts import Backbone
from mfpt_edge.data.example import Example
from mfpt_edge.tuning.batches import concatenate, gather, parts_of
from mfpt_edge.tuning.encoding import encode, tokenise
from mfpt_edge.tuning.loop import backward, evaluate, loss, train
from mfpt_edge.tuning.model import PromptModel
from mfpt_edge.tuning.tag_objective import TagObjective
from mfpt_shared import plan
from mfpt_shared.device.trainer import Tally
from support.models import gradients_of, randomise

LABELS = ("PRAISE", "COMPLAINT", "OTHER")
KINDS = {**dict.fromkeys(("good", "fine", "great"), 0), **dict.fromkeys(("bad", "poor", "awful"), 1)}


def sentence(text: str) -> Example:
    """Return a sentence whose words are labelled by what they say of the food."""
    words = tuple(text.split())
    return Example(text, words=words, tags=tuple(KINDS.get(word, 2) for word in words))


SENTENCES = tuple(
    sentence(f"{start} {one} and {other} {end}".strip())
    for start in ("the food was", "a", "b c", "the d was")
    for one in ("good", "bad", "great")
    for other in ("poor", "fine", "awful")
    for end in ("", "c d a b")
)


def tagging_model(backbone: Backbone, *, labels: Sequence[str] = LABELS, **training: Any) -> PromptModel:
    """Return a model that labels words."""
    return PromptModel(
        backbone,
        plan.Plan(
            task=plan.Task(labels=tuple(labels), kind="tagging"),
            backbone=plan.BackboneSpec(uri="path:tiny", width=backbone.width, layers=backbone.layers),
            prompt=plan.PromptSpec(tokens=4),
            training=msgspec.structs.replace(plan.Training(epochs=5, batch_size=8, max_tokens=32), **training),
        ),
    )


@pytest.fixture
def model(tiny_backbone: Callable[..., Backbone]) -> PromptModel:
    return tagging_model(tiny_backbone())


def test_words_are_learned(model: PromptModel) -> None:
    encoded = encode(model, SENTENCES[::3])
    training = msgspec.structs.replace(model.plan.training, epochs=8, head_learning_rate=0.05)
    train(model, encoded, training, rng=np.random.default_rng(0))
    assert evaluate(model, encoded).accuracy > 0.95


def test_a_head_in_closed_form_knows_most_words_at_once(tiny_backbone: Callable[..., Backbone]) -> None:
    model = tagging_model(tiny_backbone(), head_start="ridge")
    encoded = encode(model, SENTENCES)
    assert model.objective.start(model.last_states, encoded)
    assert evaluate(model, encoded).accuracy > 0.9
    assert not model.objective.start(model.last_states, encoded)


def test_every_word_is_a_decision_in_the_order_of_the_examples(model: PromptModel) -> None:
    randomise(model)
    examples = [sentence("the food was good"), sentence("bad"), sentence("a b c d was fine and poor")]
    decided = model.objective.decisions(model.last_states, encode(model, examples))
    assert decided is not None
    assert decided.targets.tolist() == [tag for example in examples for tag in example.tags]
    assert decided.examples.tolist() == [0] * 4 + [1] + [2] * 8
    alone = model.objective.decisions(model.last_states, encode(model, examples[1:2]))
    assert alone is not None
    torch.testing.assert_close(decided.features[4:5], alone.features, rtol=1e-3, atol=1e-3)


def test_the_loss_is_a_mean_over_words_however_a_batch_is_cut(model: PromptModel) -> None:
    randomise(model)
    encoded = encode(model, [sentence("good"), sentence("the food was bad and poor a b"), sentence("fine food")])
    rows = range(3)
    model.zero_grad()
    whole = loss(model, gather(encoded, rows))
    torch.autograd.backward(whole)
    expected = gradients_of(model).clone()
    model.zero_grad()
    cut = backward(model, parts_of(encoded, rows, 1), encoded.decisions(rows))
    assert cut == pytest.approx(whole.item(), rel=1e-4)
    torch.testing.assert_close(gradients_of(model), expected, rtol=1e-3, atol=1e-5)


def test_words_beyond_the_longest_text_are_no_decisions_and_wrong_answers(model: PromptModel) -> None:
    long = Example("", words=("good",) * 100, tags=(0,) * 100)
    encoded = encode(model, [long, sentence("good")])
    kept = encoded.decisions([0])
    assert 0 < kept < 32
    with torch.no_grad():
        objective = model.objective
        assert isinstance(objective, TagObjective)
        objective.head.bias.copy_(torch.tensor([1.0, 0, 0]))
    measured = evaluate(model, encoded)
    assert measured.tallies == (Tally(kept, 100, 100), Tally(1, 1, 1))
    assert measured.accuracy == (kept + 1) / 101


def test_entities_are_measured_by_f1(tiny_backbone: Callable[..., Backbone]) -> None:
    model = tagging_model(tiny_backbone(), labels=("O", "B-FOOD", "I-FOOD"))
    # A head of zeros answers with the first label, O: no entity is given, and one is wanted.
    measured = evaluate(model, encode(model, [Example("", words=("the", "good", "food"), tags=(0, 1, 2))]))
    assert (measured.accuracy, measured.tallies) == (0.0, (Tally(0, 0, 1),))


def test_sets_of_long_and_of_short_sentences_go_together(model: PromptModel) -> None:
    one, other = (tokenise(model, [sentence(text)]) for text in ("good", "the food was bad and poor"))
    together, apart = (
        concatenate([one, other]),
        tokenise(model, [sentence("good"), sentence("the food was bad and poor")]),
    )
    assert torch.equal(together.targets, apart.targets)
    assert together.decisions([0, 1]) == 7
    assert together.take([1]).decisions([0]) == 6


def test_sentences_without_words_change_nothing(model: PromptModel) -> None:
    randomise(model)
    some, more = [sentence("the food was good")], [sentence("the food was good"), Example("")]
    assert evaluate(model, encode(model, more)).loss == pytest.approx(
        evaluate(model, encode(model, some)).loss, rel=1e-3
    )
    assert evaluate(model, encode(model, [Example("")])).accuracy == 0


def test_training_on_no_words_changes_nothing(model: PromptModel) -> None:
    encoded = encode(model, [Example("")])
    before = model.state()
    assert not model.objective.start(model.last_states, encoded)
    train(model, encoded, msgspec.structs.replace(model.plan.training, weight_decay=0.0), rng=np.random.default_rng(0))
    assert all(np.array_equal(before[name], after) for name, after in model.state().items())
