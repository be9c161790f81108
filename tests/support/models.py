"""What tests ask of a prompt model beyond its own methods."""

from typing import Any

import msgspec
import numpy as np
import torch
from torch import Tensor, nn

from mfpt_edge.backbone.parts import Backbone
from mfpt_edge.data.example import Example
from mfpt_edge.tuning.batches import Encoded
from mfpt_edge.tuning.label_objective import LabelObjective
from mfpt_edge.tuning.model import PromptModel
from mfpt_shared import plan

FOODS = tuple(
    Example(f"{start} {word} {end}", label)
    for label, words in enumerate((("good", "fine", "great"), ("bad", "poor", "awful")))
    for word in words
    for start in ("the food was", "a b c", "the d", "b", "c")
    for end in ("", "and d")
)
"""Thirty sentences of praise and thirty complaints, in words that the tiny backbones know."""


def food_model(backbone: Backbone, *, method: str = "late", **training: Any) -> PromptModel:
    """Return a model that tells praise from complaints."""
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


def module_of(backbone: Backbone) -> nn.Module:
    """Return the encoder as the torch module that it is."""
    assert isinstance(backbone.encoder, nn.Module)
    return backbone.encoder


def labelling(model: PromptModel) -> LabelObjective:
    """Return the objective of a model that labels."""
    assert isinstance(model.objective, LabelObjective)
    return model.objective


def logits(model: PromptModel, ids: Tensor, mask: Tensor) -> Tensor:
    """Return [batch, labels] for token ids [batch, tokens] and their mask."""
    return labelling(model).logits(model.states(model.lower(ids, mask), mask), mask)


def predict(model: PromptModel, encoded: Encoded) -> Tensor:
    """Return the logits of all examples, in their order."""
    return labelling(model).predict(model.last_states, encoded)


def solve_head(model: PromptModel, encoded: Encoded) -> None:
    """Set the head in closed form."""
    labelling(model).solve_head(model.last_states, encoded)


def randomise(model: PromptModel) -> None:
    """Give a model a random state, the same every time."""
    rng = np.random.default_rng(1)
    model.load({name: rng.normal(0, 0.3, array.shape).astype(np.float32) for name, array in model.state().items()})


def gradients_of(model: PromptModel) -> Tensor:
    """Return the gradients of all that is tuned, flat."""
    return torch.cat([part.grad.flatten() for part in model.tensors().values() if part.grad is not None])
