"""What the tests of the cache of lower activations share: examples, models, and what to compare."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import torch

from mfpt_edge.backbone.parts import Backbone
from mfpt_edge.data.example import Example
from mfpt_edge.tuning import activation_cache
from mfpt_edge.tuning.batches import Encoded, gather
from mfpt_edge.tuning.encoding import tokenise
from mfpt_edge.tuning.loop import loss
from mfpt_edge.tuning.model import PromptModel
from mfpt_shared import plan
from support.models import gradients_of, module_of

TEXTS = ("the food was good", "bad and poor", "a b c d", "the d", "great", "awful food and a bad d")
EXAMPLES = tuple(Example(text, row % 2) for row, text in enumerate(TEXTS))


def make_model(
    backbone: Backbone,
    *,
    method: str = "late",
    layer: int = -1,
    prefix: str = "query: ",
    max_tokens: int = 32,
    quantisation: Any = "nf4",
    kind: Any = "classification",
) -> PromptModel:
    """Return a model that labels, by a plan that differs from others in what is given."""
    return PromptModel(
        backbone,
        plan.Plan(
            task=plan.Task(labels=("praise", "complaint"), kind=kind),
            backbone=plan.BackboneSpec(
                uri="path:tiny",
                width=backbone.width,
                layers=backbone.layers,
                prefix=prefix,
                quantisation=quantisation,
            ),
            prompt=msgspec.structs.replace(plan.PromptSpec(tokens=4), method=method, layer=layer),
            training=plan.Training(max_tokens=max_tokens),
        ),
    )


def encode_cached(
    model: PromptModel, examples: Sequence[Example], cache: Path, *, budget: int | None = None
) -> Encoded:
    """Return examples with their activations, through the cache."""
    return activation_cache.with_cached_activations(model, tokenise(model, examples), cache, budget=budget)


def encode_splits(model: PromptModel, splits: Sequence[Sequence[Example]], cache: Path, budget: int) -> list[Encoded]:
    """Return the splits of a device with their activations, through the cache."""
    return activation_cache.encode_splits(model, [tokenise(model, split) for split in splits], cache, budget)


def files(cache: Path) -> list[Path]:
    """Return the files of a cache."""
    return sorted(cache.rglob("*.safetensors"))


def assert_same(first: Encoded, second: Encoded) -> None:
    """Check that two sets of examples are the same to the last bit, activations included."""
    assert first.hidden is not None
    assert second.hidden is not None
    assert torch.equal(first.hidden, second.hidden)
    assert torch.equal(first.targets, second.targets)
    assert (first.ids, first.starts) == (second.ids, second.starts)
    assert (first.pad_id, first.device) == (second.pad_id, second.device)


@contextlib.contextmanager
def layers_that_ran(backbone: Backbone) -> Iterator[list[str]]:
    """Note every call of a module of the encoder."""
    seen: list[str] = []

    def note(name: str) -> Any:
        return lambda *_: seen.append(name)

    hooks = [module.register_forward_hook(note(name)) for name, module in module_of(backbone).named_modules()]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def gradients(model: PromptModel, encoded: Encoded) -> torch.Tensor:
    """Return the gradients of one batch with all examples."""
    model.zero_grad()
    torch.autograd.backward(loss(model, gather(encoded, range(len(encoded.ids)))))
    return gradients_of(model)
