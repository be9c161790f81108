"""Examples as tokens and in batches: cut, prefixed, of similar length, and answered in their order."""

from collections.abc import Callable

import numpy as np
import torch

from mfpt_edge.backbone.parts import Backbone
from mfpt_edge.data.example import Example
from mfpt_edge.tuning.batches import gather, iterate_batches
from mfpt_edge.tuning.encoding import encode, tokenise
from mfpt_edge.tuning.loop import train
from support.models import FOODS, food_model, labelling, predict


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_every_example_comes_once_an_epoch_in_another_order(tiny_backbone: Callable[..., Backbone]) -> None:
    model = food_model(tiny_backbone())
    encoded = encode(model, FOODS)
    generator = rng()
    epochs = [[batch.ids[batch.mask].tolist() for batch in iterate_batches(encoded, 8, generator)] for _ in range(2)]
    wanted = sorted(token for ids in encoded.ids for token in ids)
    for epoch in epochs:
        assert len(epoch) == 8
        assert sorted(token for batch in epoch for token in batch) == wanted
    assert epochs[0] != epochs[1]


def test_batches_hold_texts_of_similar_length(tiny_backbone: Callable[..., Backbone]) -> None:
    model = food_model(tiny_backbone())
    texts = [Example("good " * length, 0) for length in range(1, 49)]
    encoded = encode(model, texts)
    batches = list(iterate_batches(encoded, 8, rng()))
    padding = sum(batch.mask.numel() - int(batch.mask.sum()) for batch in batches)
    assert padding < 0.35 * sum(map(len, encoded.ids))
    assert len({batch.mask.shape[1] for batch in batches}) > 3


def test_long_texts_are_cut(tiny_backbone: Callable[..., Backbone]) -> None:
    model = food_model(tiny_backbone(), max_tokens=10)
    encoded = encode(model, [Example("good " * 100, 0)])
    assert len(encoded.ids[0]) == 10


def test_the_plans_prefix_stands_before_every_text(tiny_backbone: Callable[..., Backbone]) -> None:
    model = food_model(tiny_backbone())
    assert encode(model, [Example("good", 0)]).ids == model.backbone.tokenizer.encode(["query: good"], 16)


def test_caching_lower_activations_changes_the_answers_by_rounding_only(tiny_backbone: Callable[..., Backbone]) -> None:
    model = food_model(tiny_backbone())
    train(model, encode(model, FOODS), model.plan.training, rng=rng())
    cached, uncached = encode(model, FOODS), tokenise(model, FOODS)
    assert cached.hidden is not None
    assert cached.hidden.dtype == torch.float16
    assert uncached.hidden is None
    torch.testing.assert_close(predict(model, cached), predict(model, uncached), rtol=0.01, atol=0.01)


def test_answers_come_in_the_order_of_the_examples(tiny_backbone: Callable[..., Backbone]) -> None:
    model = food_model(tiny_backbone())
    encoded = encode(model, FOODS)
    train(model, encoded, model.plan.training, rng=rng())
    scores = predict(model, encoded)
    for row in (0, 7, 59):
        batch = gather(encoded, [row])
        with torch.no_grad():
            one = labelling(model).logits(model.last_states(batch), batch.mask)
            torch.testing.assert_close(scores[row], one[0], rtol=1e-3, atol=1e-3)
