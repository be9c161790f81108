"""The soft prompt around a frozen backbone: what is tuned, what is not, and that caching changes nothing."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from transformers import AutoModel

from mfpt_edge.backbone.padding import pad
from mfpt_edge.backbone.parts import Backbone
from mfpt_edge.tuning.model import PromptModel
from mfpt_shared import plan, tensors
from mfpt_shared.errors import Incompatible
from support.models import gradients_of, labelling, logits, module_of

METHODS = ("late", "prompt", "p-tuning")
TINY = plan.BackboneSpec(uri="path:tiny", width=64, layers=4)


def make_plan(method: str = "late", *, backbone: plan.BackboneSpec = TINY, **prompt: int) -> plan.Plan:
    spec = msgspec.structs.replace(plan.PromptSpec(tokens=5, encoder_width=16), method=method, **prompt)
    return plan.Plan(task=plan.Task(labels=("x", "y", "z")), backbone=backbone, prompt=spec)


def random_state(of: plan.Plan) -> tensors.PromptState:
    rng = np.random.default_rng(1)
    return {name: rng.normal(0, 0.3, shape).astype(np.float32) for name, shape in tensors.layout(of).items()}


def two_texts(backbone: Backbone) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a batch of two texts, the second of which is padded."""
    ids = backbone.tokenizer.encode(["query: the food was good and fine", "query: bad"], 32)
    return pad(ids, backbone.tokenizer.pad_id, backbone.device)


@pytest.mark.parametrize("method", METHODS)
def test_a_new_model_holds_the_plans_initial_prompt(tiny_backbone: Callable[..., Backbone], method: str) -> None:
    the_plan = make_plan(method)
    state = PromptModel(tiny_backbone(), the_plan).state()
    for name, array in tensors.initial_state(the_plan).items():
        np.testing.assert_array_equal(state[name], array)


@pytest.mark.parametrize("method", METHODS)
def test_a_state_survives_the_way_into_a_model_and_back(tiny_backbone: Callable[..., Backbone], method: str) -> None:
    the_plan = make_plan(method)
    model = PromptModel(tiny_backbone(), the_plan)
    state = random_state(the_plan)
    model.load(state)
    found = model.state()
    assert list(found) == list(tensors.layout(the_plan))
    for name, array in state.items():
        np.testing.assert_array_equal(found[name], array)


def test_a_state_is_a_copy_that_later_training_does_not_touch(tiny_backbone: Callable[..., Backbone]) -> None:
    model = PromptModel(tiny_backbone(), make_plan())
    before = model.state()
    model.load(random_state(model.plan))
    np.testing.assert_array_equal(before["prompt"], tensors.initial_state(model.plan)["prompt"])


def test_a_state_of_another_plan_is_refused(tiny_backbone: Callable[..., Backbone]) -> None:
    model = PromptModel(tiny_backbone(), make_plan("late"))
    with pytest.raises(Incompatible, match=r"encoder\.0\.bias"):
        model.load(random_state(make_plan("p-tuning")))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("quantisation", ["none", "nf4"])
def test_gradients_reach_everything_that_is_tuned_and_nothing_else(
    tiny_backbone: Callable[..., Backbone], method: str, quantisation: str
) -> None:
    backbone = tiny_backbone("Bert", quantisation)
    model = PromptModel(backbone, make_plan(method))
    model.load(random_state(model.plan))
    torch.autograd.backward(logits(model, *two_texts(backbone)).square().sum())
    tuned = model.tensors()
    assert all(part.grad is not None and part.grad.abs().sum() > 0 for part in tuned.values())
    assert {id(part) for part in model.parameters()} == {id(part) for part in tuned.values()}
    assert all(part.grad is None for part in module_of(backbone).parameters())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("family", ["Bert", "XLMRoberta", "Llama"])
def test_padding_changes_no_answer(tiny_backbone: Callable[..., Backbone], family: str, method: str) -> None:
    backbone = tiny_backbone(family)
    model = PromptModel(backbone, make_plan(method))
    model.load(random_state(model.plan))
    ids, mask = two_texts(backbone)
    together = logits(model, ids, mask)
    for row in range(2):
        length = int(mask[row].sum())
        alone = logits(model, ids[row : row + 1, :length], mask[row : row + 1, :length])
        torch.testing.assert_close(together[row], alone[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_the_prompt_changes_the_answer(tiny_backbone: Callable[..., Backbone], method: str) -> None:
    backbone = tiny_backbone()
    model = PromptModel(backbone, make_plan(method))
    state = random_state(model.plan)
    model.load(state)
    batch = two_texts(backbone)
    first = logits(model, *batch)
    model.load({**state, "prompt": -state["prompt"]})
    assert not torch.allclose(first, logits(model, *batch), atol=1e-3)


@pytest.mark.parametrize("layer", [0, 3])
def test_a_late_prompt_leaves_the_layers_below_alone(
    tiny_backbone: Callable[..., Backbone], tiny_folder: Callable[[str], Path], layer: int
) -> None:
    backbone = tiny_backbone()
    model = PromptModel(backbone, make_plan(layer=layer))
    ids, mask = two_texts(backbone)
    with torch.no_grad():
        original = AutoModel.from_pretrained(tiny_folder("Bert")).eval()
        every = original(input_ids=ids, attention_mask=mask.long(), output_hidden_states=True).hidden_states
    torch.testing.assert_close(model.lower(ids, mask)[mask], every[layer][mask], rtol=1e-4, atol=1e-4)


def gradients(model: PromptModel, scores: torch.Tensor) -> torch.Tensor:
    model.zero_grad()
    torch.autograd.backward(torch.nn.functional.cross_entropy(scores, torch.tensor([0, 1])))
    return gradients_of(model)


def test_cached_activations_give_the_same_answers_and_gradients(backbone: Backbone) -> None:
    model = PromptModel(backbone, make_plan(backbone=plan.BackboneSpec()))
    model.load(random_state(model.plan))
    ids, mask = two_texts(backbone)
    cached = model.lower(ids, mask).half()
    fresh_logits = logits(model, ids, mask)
    cached_logits = labelling(model).logits(model.states(cached, mask), mask)
    torch.testing.assert_close(cached_logits, fresh_logits, rtol=0.02, atol=0.05)
    fresh, from_cache = gradients(model, fresh_logits), gradients(model, cached_logits)
    assert torch.nn.functional.cosine_similarity(fresh, from_cache, dim=0) > 0.99


@pytest.mark.parametrize("family", ["XLMRobertaXL"])
def test_an_encoder_that_is_not_a_stack_of_layers_takes_a_prompt_at_the_input_only(
    tiny_backbone: Callable[..., Backbone], family: str
) -> None:
    backbone = tiny_backbone(family)
    with pytest.raises(Incompatible, match=r'prompt\.method = "prompt"'):
        PromptModel(backbone, make_plan("late"))
    assert logits(PromptModel(backbone, make_plan("prompt")), *two_texts(backbone)).shape == (2, 3)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("family", ["Bert", "XLMRoberta"])
def test_the_longest_text_still_fits_beside_the_prompt(
    tiny_backbone: Callable[..., Backbone], family: str, method: str
) -> None:
    backbone = tiny_backbone(family)
    model = PromptModel(backbone, make_plan(method))
    ids = backbone.tokenizer.encode(["the food was good " * 40], labelling(model).max_tokens)
    assert 48 <= len(ids[0]) <= backbone.max_positions
    assert logits(model, *pad(ids, 1, backbone.device)).isfinite().all()
