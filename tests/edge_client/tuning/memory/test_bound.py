"""Training in less memory comes to the same, and says so where there is too little."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec
import pytest
import torch

from mfpt_edge.backbone.bert import BertEncoder
from mfpt_edge.backbone.parts import Backbone
from mfpt_edge.backbone.transformers_model import Pretrained
from mfpt_edge.data.example import Example
from mfpt_edge.tuning import loop
from mfpt_edge.tuning.batches import Batch, gather, parts_of
from mfpt_edge.tuning.encoding import encode, tokenise
from mfpt_edge.tuning.memory.bound import economise, economise_if_needed, layers_reached
from mfpt_edge.tuning.memory.encoder import FrugalEncoder, layer_of
from mfpt_edge.tuning.memory.estimate import Allowance
from mfpt_edge.tuning.model import PromptModel
from mfpt_shared import plan
from mfpt_shared.errors import Incompatible, NotAllowed, UsageError
from mfpt_shared.system.heap import give_back
from mfpt_shared.system.memory import peak_rss_bytes, resident_bytes
from support.models import gradients_of, module_of, predict, randomise

LoadTiny = Callable[..., Backbone]

WORDS = ("good", "bad and poor", "the food was awful", "great food", "a b c d", "fine", "the d was poor and bad")
EXAMPLES = tuple(Example(word, row % 2) for row, word in enumerate(WORDS))
METHODS = ("late", "prompt", "p-tuning")
FAMILIES = ("Bert", "Llama")


def make_model(backbone: Backbone, method: str = "late") -> PromptModel:
    spec = msgspec.structs.replace(plan.PromptSpec(tokens=4, encoder_width=16), method=method)
    model = PromptModel(
        backbone,
        plan.Plan(
            task=plan.Task(labels=("praise", "complaint")),
            backbone=plan.BackboneSpec(uri="path:tiny", width=backbone.width, layers=backbone.layers),
            prompt=spec,
        ),
    )
    randomise(model)
    return model


def frugal(model: PromptModel, free: int) -> PromptModel:
    """Return the same model within an allowance."""
    backbone = model.backbone
    encoder = backbone.encoder
    assert isinstance(encoder, BertEncoder | Pretrained)
    assert backbone.stack is not None
    allowance = Allowance(free, layer_of(encoder, backbone.width))
    within = FrugalEncoder(encoder, backbone.stack, backbone.layers, allowance, longest=12)
    other = PromptModel(replace(backbone, encoder=within, stack=within), model.plan)
    other.load(model.state())
    return other


def gradients(model: PromptModel, parts: Sequence[Batch]) -> tuple[float, torch.Tensor]:
    model.zero_grad()
    value = loop.backward(model, parts, sum(len(part.targets) for part in parts))
    return value, gradients_of(model)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("at_once", [1, 2, 4])
def test_the_gradients_of_parts_are_those_of_the_whole_batch(
    tiny_backbone: LoadTiny, method: str, at_once: int
) -> None:
    model = make_model(tiny_backbone(), method)
    encoded = encode(model, EXAMPLES)
    parts = list(parts_of(encoded, range(len(EXAMPLES)), at_once))
    batch = gather(encoded, range(len(EXAMPLES)))
    assert [len(part.targets) for part in parts][:-1] == [at_once] * (len(parts) - 1)
    value, found = gradients(model, parts)
    expected_value, expected = gradients(model, [batch])
    assert value == pytest.approx(expected_value, rel=1e-5)
    assert expected.abs().sum() > 0
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", METHODS)
def test_layers_that_run_twice_give_the_same_gradients(tiny_backbone: LoadTiny, family: str, method: str) -> None:
    model = make_model(tiny_backbone(family), method)
    batch = gather(encode(model, EXAMPLES), range(len(EXAMPLES)))
    value, found = gradients(frugal(model, free=1), [batch])
    expected_value, expected = gradients(model, [batch])
    assert value == pytest.approx(expected_value, rel=1e-5)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("free", "runs"), [(1, 2), (10**9, 1)])
def test_layers_run_twice_only_where_memory_is_short(tiny_backbone: LoadTiny, free: int, runs: int) -> None:
    model = make_model(tiny_backbone())
    batch = gather(encode(model, EXAMPLES), range(len(EXAMPLES)))
    seen: list[object] = []
    layer = module_of(model.backbone).get_submodule("layers.3")
    hook = layer.get_submodule("attention_in").register_forward_hook(lambda *_: seen.append(None))
    gradients(frugal(model, free), [batch])
    hook.remove()
    assert len(seen) == runs


def test_examples_that_are_read_a_few_at_a_time_give_the_same_answers(tiny_backbone: LoadTiny) -> None:
    model = make_model(tiny_backbone())
    seen: list[int] = []
    few = frugal(model, free=1)
    hook = (
        module_of(model.backbone)
        .get_submodule("layers.0")
        .register_forward_hook(lambda _, given, __: seen.append(len(given[0])))
    )
    found = predict(few, tokenise(few, EXAMPLES))
    hook.remove()
    assert seen == [1] * len(EXAMPLES)
    torch.testing.assert_close(found, predict(model, tokenise(model, EXAMPLES)))


def test_with_memory_to_spare_batches_stay_whole(tiny_backbone: LoadTiny) -> None:
    model = make_model(tiny_backbone())
    _, at_once = economise(model, tokenise(model, EXAMPLES), resident_bytes() + 10**10)
    assert at_once == model.plan.training.batch_size


def with_batches_of(model: PromptModel, batch_size: int) -> PromptModel:
    training = msgspec.structs.replace(model.plan.training, batch_size=batch_size)
    other = PromptModel(model.backbone, msgspec.structs.replace(model.plan, training=training))
    other.load(model.state())
    return other


def test_batches_that_fit_into_what_is_given_by_default_leave_the_model_as_it_is(tiny_backbone: LoadTiny) -> None:
    model = make_model(tiny_backbone())
    assert economise_if_needed(model, [tokenise(model, EXAMPLES)], resident_bytes() + 10**9) == (model, None)


def test_a_million_examples_in_a_batch_are_cut_to_what_is_given_by_default(tiny_backbone: LoadTiny) -> None:
    model = with_batches_of(make_model(tiny_backbone()), 1_000_000)
    many = tokenise(model, EXAMPLES * 3000)
    spare = resident_bytes() + 160_000_000
    frugal_model, at_once = economise_if_needed(model, [many], spare)
    assert at_once is not None
    assert at_once < 2048
    assert isinstance(frugal_model.backbone.encoder, FrugalEncoder)


def test_batches_that_cannot_be_cut_are_refused_with_both_figures(tiny_backbone: LoadTiny) -> None:
    model = with_batches_of(make_model(replace(tiny_backbone(), stack=None), "prompt"), 1_000_000)
    with pytest.raises(NotAllowed, match=r"steps of 21000 texts take about .* GB of memory, and this device gives"):
        economise_if_needed(model, [tokenise(model, EXAMPLES * 3000)], resident_bytes() + 110_000_000)


def test_a_bound_that_is_too_low_says_what_would_do(tiny_backbone: LoadTiny) -> None:
    model = make_model(tiny_backbone())
    with pytest.raises(UsageError, match=r"--memory 50MB is too little: .* give [0-9]+MB or more"):
        economise(model, tokenise(model, EXAMPLES), 50_000_000)


def test_a_backbone_whose_layers_are_out_of_reach_cannot_be_bound(tiny_backbone: LoadTiny) -> None:
    model = make_model(replace(tiny_backbone(), stack=None), "prompt")
    with pytest.raises(Incompatible, match="--memory"):
        economise(model, tokenise(model, EXAMPLES), 10**10)


@pytest.mark.parametrize(("method", "layers"), [("late", 1), ("prompt", 4), ("p-tuning", 4)])
def test_gradients_go_through_the_layers_that_see_the_prompt(tiny_backbone: LoadTiny, method: str, layers: int) -> None:
    assert layers_reached(make_model(tiny_backbone(), method).plan) == layers


def test_what_is_held_grows_with_what_is_allocated_and_falls_when_that_is_given_back() -> None:
    give_back()
    before = resident_bytes()
    block = torch.ones(25_000_000)
    during = resident_bytes()
    assert during >= before + 90_000_000
    assert peak_rss_bytes() >= 0.95 * during
    del block
    give_back()
    assert resident_bytes() <= during - 90_000_000
