"""Training a prompt: it learns, it is reproducible, it can be cancelled, and it says so when it fails."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec
import numpy as np
import pytest
import torch

from mfpt_edge.backbone.load import Backbone
from mfpt_edge.data.cldr import CLDR_LABELS
from mfpt_edge.data.example import Example
from mfpt_edge.data.sources import load_dataset
from mfpt_edge.tuning.batches import Encoded, encode, gather, iterate_batches
from mfpt_edge.tuning.loop import Progress, evaluate, logits, predict, train
from mfpt_edge.tuning.model import PromptModel
from mfpt_edge.tuning.ridge_head import features, solve_head
from mfpt_shared import plan
from mfpt_shared.errors import MfptError
from mfpt_shared.languages import LanguageCode


class Labelled(NamedTuple):
    text: str
    label: int


EXAMPLES = tuple(
    Labelled(f"{start} {word} {end}", label)
    for label, words in enumerate((("good", "fine", "great"), ("bad", "poor", "awful")))
    for word in words
    for start in ("the food was", "a b c", "the d", "b", "c")
    for end in ("", "and d")
)


def make_model(backbone: Backbone, *, method: str = "late", **training: float) -> PromptModel:
    spec = msgspec.structs.replace(plan.PromptSpec(tokens=4, encoder_width=16), method=method)
    width, layers = backbone.width, backbone.layers
    return PromptModel(
        backbone,
        plan.Plan(
            task=plan.Task(labels=("praise", "complaint")),
            backbone=plan.BackboneSpec(uri="path:tiny", width=width, layers=layers),
            prompt=spec,
            training=msgspec.structs.replace(plan.Training(epochs=5, batch_size=8), **training),
        ),
    )


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("method", ["late", "prompt", "p-tuning"])
def test_training_learns_a_separable_task(tiny_backbone: Callable[..., Backbone], method: str) -> None:
    model = make_model(tiny_backbone("Bert", "nf4"), method=method, epochs=20, head_learning_rate=0.02)
    encoded = encode(model, EXAMPLES)
    before = evaluate(model, encoded)
    report = train(model, encoded, model.plan.training, rng=rng())
    after = evaluate(model, encoded)
    assert report.last_loss < report.first_loss
    assert after.loss < 0.7 * before.loss
    assert after.accuracy > 0.8


def test_the_frozen_weights_are_the_same_after_training(tiny_backbone: Callable[..., Backbone]) -> None:
    backbone = tiny_backbone()
    before = {name: part.clone() for name, part in backbone.encoder.state_dict().items()}
    model = make_model(backbone)
    train(model, encode(model, EXAMPLES), model.plan.training, rng=rng())
    assert all(torch.equal(part, before[name]) for name, part in backbone.encoder.state_dict().items())


def test_the_same_seed_gives_the_same_prompt_and_another_seed_another(tiny_backbone: Callable[..., Backbone]) -> None:
    backbone = tiny_backbone("Bert", "nf4")

    def trained(seed: int) -> np.ndarray:
        model = make_model(backbone)
        train(model, encode(model, EXAMPLES), model.plan.training, rng=rng(seed))
        return model.state()["prompt"]

    np.testing.assert_array_equal(trained(0), trained(0))
    assert not np.array_equal(trained(0), trained(1))


def test_caching_lower_activations_changes_the_answers_by_rounding_only(tiny_backbone: Callable[..., Backbone]) -> None:
    model = make_model(tiny_backbone())
    train(model, encode(model, EXAMPLES), model.plan.training, rng=rng())
    cached, uncached = encode(model, EXAMPLES), encode(model, EXAMPLES, cache_bytes=0)
    assert cached.hidden is not None
    assert cached.hidden.dtype == torch.float16
    assert uncached.hidden is None
    torch.testing.assert_close(predict(model, cached), predict(model, uncached), rtol=0.01, atol=0.01)


def test_every_example_comes_once_an_epoch_in_another_order(tiny_backbone: Callable[..., Backbone]) -> None:
    model = make_model(tiny_backbone())
    encoded = encode(model, EXAMPLES)
    generator = rng()
    epochs = [[batch.ids[batch.mask].tolist() for batch in iterate_batches(encoded, 8, generator)] for _ in range(2)]
    wanted = sorted(token for ids in encoded.ids for token in ids)
    for epoch in epochs:
        assert len(epoch) == 8
        assert sorted(token for batch in epoch for token in batch) == wanted
    assert epochs[0] != epochs[1]


def test_batches_hold_texts_of_similar_length(tiny_backbone: Callable[..., Backbone]) -> None:
    model = make_model(tiny_backbone())
    texts = [Labelled("good " * length, 0) for length in range(1, 49)]
    encoded = encode(model, texts)
    batches = list(iterate_batches(encoded, 8, rng()))
    padding = sum(batch.mask.numel() - int(batch.mask.sum()) for batch in batches)
    assert padding < 0.35 * sum(map(len, encoded.ids))
    assert len({batch.mask.shape[1] for batch in batches}) > 3


def test_answers_come_in_the_order_of_the_examples(tiny_backbone: Callable[..., Backbone]) -> None:
    model = make_model(tiny_backbone())
    encoded = encode(model, EXAMPLES)
    train(model, encoded, model.plan.training, rng=rng())
    scores = predict(model, encoded)
    for row in (0, 7, 59):
        with torch.no_grad():
            torch.testing.assert_close(scores[row], logits(model, gather(encoded, [row]))[0], rtol=1e-3, atol=1e-3)


def test_long_texts_are_cut(tiny_backbone: Callable[..., Backbone]) -> None:
    model = make_model(tiny_backbone(), max_tokens=10)
    encoded = encode(model, [Labelled("good " * 100, 0)])
    assert len(encoded.ids[0]) == 10


def test_the_plans_prefix_stands_before_every_text(tiny_backbone: Callable[..., Backbone]) -> None:
    model = make_model(tiny_backbone())
    assert encode(model, [Labelled("good", 0)]).ids == model.backbone.tokenizer.encode(["query: good"], 16)


def test_progress_counts_every_step(tiny_backbone: Callable[..., Backbone]) -> None:
    model = make_model(tiny_backbone(), epochs=2)
    seen: list[Progress] = []
    report = train(model, encode(model, EXAMPLES), model.plan.training, rng=rng(), on_step=seen.append)
    assert [progress.step for progress in seen] == list(range(1, 17))
    assert {progress.steps for progress in seen} == {16} == {report.steps}
    assert [progress.epoch for progress in seen] == [0] * 8 + [1] * 8


def test_training_can_be_cancelled_after_a_step(tiny_backbone: Callable[..., Backbone]) -> None:
    class Cancelled(Exception):
        pass

    def cancel(progress: Progress) -> None:
        if progress.step == 3:
            raise Cancelled

    model = make_model(tiny_backbone())
    with pytest.raises(Cancelled):
        train(model, encode(model, EXAMPLES), model.plan.training, rng=rng(), on_step=cancel)


def test_a_loss_that_is_no_number_stops_training_with_advice(tiny_backbone: Callable[..., Backbone]) -> None:
    model = make_model(tiny_backbone())
    state = dict(model.state())
    state["prompt"] = np.full_like(state["prompt"], np.nan)
    model.load(state)
    with pytest.raises(MfptError, match="learning_rate"):
        train(model, encode(model, EXAMPLES), model.plan.training, rng=rng())


def test_no_examples_give_no_figures(tiny_backbone: Callable[..., Backbone]) -> None:
    model = make_model(tiny_backbone())
    assert evaluate(model, encode(model, [])) == (0.0, 0.0, 0)


def test_the_bundled_backbone_learns_a_language_in_seconds(backbone: Backbone) -> None:
    weather = ("mvua inanyesha", "jua linawaka sana", "upepo mkali leo", "baridi ya asubuhi", "mawingu meusi angani")
    sport = ("timu ilifunga bao", "mechi ya fainali", "mchezaji wa mpira", "kocha wa timu", "bingwa wa mbio")
    examples = [Labelled(text, label) for label, texts in enumerate((weather, sport)) for text in texts]
    model = make_model(backbone, epochs=15)
    encoded = encode(model, examples)
    # As a device does: a head in closed form first, steps from there.
    solve_head(model, encoded)
    train(model, encoded, model.plan.training, rng=rng())
    assert evaluate(model, encoded).accuracy == 1.0
    unseen = encode(model, [Labelled("leo kuna mvua na baridi", 0), Labelled("bao la mchezaji wa timu", 1)])
    assert predict(model, unseen).argmax(dim=1).tolist() == [0, 1]


# ---- the head in closed form


def balanced(examples: Iterable[Example], each: int) -> list[Example]:
    """Return the first so many examples of each label."""
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
    known, unseen = balanced(dataset.train, 16), balanced([*dataset.validation, *dataset.test], 12)
    return model, encode(model, known), encode(model, unseen)


def test_a_head_in_closed_form_knows_more_than_chance(names: tuple[PromptModel, Encoded, Encoded]) -> None:
    model, known, unseen = names
    solve_head(model, known)
    chance = np.bincount(unseen.labels.numpy()).max() / len(unseen.ids)
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
    model.load({name: (one[name] + other[name]) / 2 for name in one})
    assert abs(evaluate(model, unseen).accuracy - together) < 0.1


def test_a_head_in_closed_form_leaves_the_prompt_alone(tiny_backbone: Callable[..., Backbone]) -> None:
    model = make_model(tiny_backbone())
    before = model.state()
    solve_head(model, encode(model, EXAMPLES))
    after = model.state()
    np.testing.assert_array_equal(after["prompt"], before["prompt"])
    assert after["head.weight"].any()
    assert after["head.bias"].any()


def test_a_head_in_closed_form_learns_a_separable_task(tiny_backbone: Callable[..., Backbone]) -> None:
    model = make_model(tiny_backbone("Bert", "nf4"))
    encoded = encode(model, EXAMPLES)
    solve_head(model, encoded)
    assert evaluate(model, encoded).accuracy > 0.8


def test_the_mean_example_is_given_no_label(tiny_backbone: Callable[..., Backbone]) -> None:
    """How often each label occurs shifts no answer: heads of devices with different shares can be averaged."""
    model = make_model(tiny_backbone())
    encoded = encode(model, EXAMPLES[:40])
    solve_head(model, encoded)
    with torch.no_grad():
        scores = model.head(features(model, encoded).mean(dim=0))
    torch.testing.assert_close(scores, torch.zeros_like(scores), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "examples",
    [
        [Labelled("good", 0)],
        [Labelled("good", 0), Labelled("bad", 1)],
        [Labelled(word, 1) for word in ("good", "fine", "great", "bad", "the food")],
        [Labelled("good", number % 2) for number in range(7)],
    ],
    ids=["one example", "one of each label", "one label", "one text"],
)
def test_examples_that_say_little_give_a_finite_head(
    tiny_backbone: Callable[..., Backbone], examples: list[Labelled]
) -> None:
    model = make_model(tiny_backbone())
    solve_head(model, encode(model, examples))
    state = model.state()
    assert all(np.isfinite(array).all() for array in state.values())
    assert all(np.abs(array).max() < 1000 for array in state.values()), "or the coordinator refuses it"


def test_a_linear_schedule_takes_smaller_and_smaller_steps(tiny_backbone: Callable[..., Backbone]) -> None:
    backbone = tiny_backbone()

    def step_sizes(schedule: str) -> list[float]:
        model = make_model(backbone, epochs=4, batch_size=len(EXAMPLES), weight_decay=1e-9)
        training = msgspec.structs.replace(model.plan.training, schedule=schedule)
        passed = [model.state()["head.weight"]]
        train(
            model,
            encode(model, EXAMPLES),
            training,
            rng=rng(),
            on_step=lambda _: passed.append(model.state()["head.weight"]),
        )
        return [float(np.abs(after - before).max()) for before, after in itertools.pairwise(passed)]

    constant, linear = step_sizes("constant"), step_sizes("linear")
    # Of AdamW on the same slope, every step is as long as the learning rate.
    np.testing.assert_allclose(np.divide(linear, constant), [1, 0.75, 0.5, 0.25], rtol=0.1)
