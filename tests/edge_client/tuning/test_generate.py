"""Writing: what a decoder is trained for, how it is measured, and that both are what transformers does."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from mfpt_edge.backbone.load import load_backbone
from mfpt_edge.backbone.parts import Backbone
from mfpt_edge.data.example import Example
from mfpt_edge.inference.completions import Quality, complete, evaluate, token_f1
from mfpt_edge.inference.export import export_peft
from mfpt_edge.storage.saved_prompt import Model
from mfpt_edge.tuning import generate
from mfpt_edge.tuning.batches import gather
from mfpt_edge.tuning.completion_objective import CompletionObjective
from mfpt_edge.tuning.encoding import encode, tokenise
from mfpt_edge.tuning.loop import evaluate as measure
from mfpt_edge.tuning.loop import loss, train
from mfpt_edge.tuning.model import PromptModel
from mfpt_shared import plan
from mfpt_shared.errors import Incompatible
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import Prompt, PromptHeader
from mfpt_shared.tensors import layout
from support.backbones import save_tiny_model, smollm2_spec, tiny_spec

EXAMPLES = (
    Example("the food was good", completion="great"),
    Example("b", completion="bad food and awful d"),
    Example("a b c d", completion="a"),
)
METHODS = ("late", "prompt", "p-tuning")


@pytest.fixture(scope="session")
def writers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Tiny decoders: whose token table also turns states into tokens, and with a layer of its own for that."""
    folders = {name: tmp_path_factory.mktemp(name) for name in ("tied", "untied")}
    for name, folder in folders.items():
        save_tiny_model("Llama", folder, kind="ForCausalLM", tie_word_embeddings=name == "tied")
    return folders


@pytest.fixture
def load(writers: dict[str, Path]) -> Callable[..., Backbone]:
    def backbone(name: str = "tied", quantisation: str = "none", cache: Path | None = None) -> Backbone:
        return load_backbone(tiny_spec(writers[name], quantisation), "cpu", cache, generates=True)

    return backbone


def model_of(backbone: Backbone, method: str = "prompt", **training: Any) -> PromptModel:
    return PromptModel(
        backbone,
        plan.Plan(
            task=plan.Task(labels=(), kind="generation"),
            backbone=plan.BackboneSpec(uri="path:tiny", width=backbone.width, layers=backbone.layers, prefix=""),
            prompt=msgspec.structs.replace(plan.PromptSpec(tokens=4, layer=1, encoder_width=16), method=method),
            training=msgspec.structs.replace(plan.Training(epochs=30, batch_size=3, max_tokens=32), **training),
        ),
    )


def writing(model: PromptModel) -> CompletionObjective:
    assert isinstance(model.objective, CompletionObjective)
    return model.objective


def write(model: PromptModel, texts: Sequence[str]) -> list[str]:
    return generate.write(model, writing(model), texts)


@pytest.mark.parametrize("name", ["tied", "untied"])
def test_the_loss_of_a_completion_is_that_of_transformers(
    name: str, load: Callable[..., Backbone], writers: dict[str, Path]
) -> None:
    model = model_of(load(name))
    encoded = tokenise(model, EXAMPLES)
    theirs = AutoModelForCausalLM.from_pretrained(writers[name])
    virtual = model.state()["prompt"]
    expected = []
    for ids, start in zip(encoded.ids, encoded.targets.tolist(), strict=True):
        tokens = theirs.get_input_embeddings()(torch.tensor([ids]))
        entry = torch.cat([torch.from_numpy(virtual)[None], tokens], dim=1)
        known = torch.tensor([[-100] * (len(virtual) + start) + ids[start:]])
        expected.append(theirs(inputs_embeds=entry, labels=known).loss.item())
    with torch.no_grad():
        found = model.outcome(gather(encoded, range(len(EXAMPLES)))).losses
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4)


@pytest.mark.parametrize(
    "method", [method if method == "late" else pytest.param(method, marks=pytest.mark.slow) for method in METHODS]
)
def test_a_decoder_learns_to_write_what_it_was_shown(method: str, load: Callable[..., Backbone]) -> None:
    model = model_of(load(), method, prompt_learning_rate=0.05, epochs=200)
    assert set(model.tensors()) == set(layout(model.plan))
    assert not any(name.startswith("head.") for name in model.tensors())
    encoded = encode(model, EXAMPLES[:2])
    before = measure(model, encoded)
    train(model, encoded, model.plan.training, rng=np.random.default_rng(0))
    after = measure(model, encoded)
    assert after.loss < 0.3 * before.loss
    assert after.accuracy == 1.0
    assert write(model, [example.text for example in EXAMPLES[:2]]) == [one.completion for one in EXAMPLES[:2]]


def test_a_completion_counts_as_right_just_where_the_decoder_would_write_it(load: Callable[..., Backbone]) -> None:
    model = model_of(load(), prompt_learning_rate=0.05, epochs=60)
    train(model, encode(model, EXAMPLES[:1]), model.plan.training, rng=np.random.default_rng(0))
    texts = ("the food was good", "the food was", "a", "fine")
    written = write(model, texts)
    assert len(set(written)) > 1, "if all answers were alike, the test would say little"
    kept = [Example(text, completion=found) for text, found in zip(texts, written, strict=True) if found]
    other = [Example(one.text, completion=f"{one.completion} poor") for one in kept]
    ends = [one for one in kept if len(tokenise(model, [one]).ids[0]) < writing(model).longest]
    assert ends
    assert measure(model, encode(model, ends)).accuracy == 1.0
    assert measure(model, encode(model, other)).accuracy == 0.0


def test_gradients_do_not_depend_on_how_many_tokens_are_scored_at_once(
    load: Callable[..., Backbone], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(load())
    batch = gather(encode(model, EXAMPLES), range(len(EXAMPLES)))

    def gradient() -> torch.Tensor:
        model.zero_grad()
        torch.autograd.backward(loss(model, batch))
        found = model.tensors()["prompt"].grad
        assert found is not None
        return found.clone()

    whole = gradient()
    monkeypatch.setattr("mfpt_edge.tuning.completion_objective.SCORED_AT_ONCE", 2)
    torch.testing.assert_close(gradient(), whole)


def test_a_long_prompt_leaves_room_for_its_completion_and_a_long_completion_is_cut(
    load: Callable[..., Backbone],
) -> None:
    model = model_of(load(), max_tokens=16)
    limit = writing(model).longest
    examples = (Example("good " * 50, completion="bad " * 50), Example("good", completion="bad " * 50), Example("a"))
    ids, starts = writing(model).tokenise(examples)
    assert [len(one) for one in ids[:2]] == [starts[0] + limit, starts[1] + limit]
    assert len(ids[0]) <= writing(model).max_tokens
    assert all(one[-1] == 2 for one in ids[:2]), "what is cut ends as well"
    assert len(ids[2]) == starts[2], "nothing is written yet"
    assert all(len(text.split()) <= limit for text in write(model, ["good " * 50]))
    (unwritten,), _ = writing(model).tokenise([Example("good " * 50)])
    assert ids[0][: starts[0]] == unwritten, "a prompt is the same in training and in use"


@pytest.mark.parametrize("name", ["tied", "untied"])
def test_a_writer_in_four_bits_is_the_same_from_the_cache_and_close_to_32(
    name: str, load: Callable[..., Backbone], tmp_path: Path
) -> None:
    states = torch.randn(5, 64, generator=torch.Generator().manual_seed(0))
    loaded = [load(name, "nf4", tmp_path) for _ in range(2)]
    exact = load(name)
    scores = []
    for backbone in (*loaded, exact):
        assert backbone.decoder is not None
        scores.append(backbone.decoder.logits(states))
    torch.testing.assert_close(scores[0], scores[1])
    assert torch.nn.functional.cosine_similarity(scores[0], scores[2]).min() > 0.97
    assert all(one.weight_bytes < one.weight_bytes_fp32 / 5 for one in loaded)


@pytest.mark.parametrize("family", ["Bert", "Electra"])
def test_an_encoder_cannot_write(family: str, tiny_folder: Callable[[str], Path]) -> None:
    with pytest.raises(Incompatible, match="cannot write text"):
        load_backbone(tiny_spec(tiny_folder(family)), "cpu", generates=True)


@pytest.mark.slow
def test_the_decoder_on_pypi_is_small_from_the_cache_and_writes_what_it_learned(
    smollm2: Path, smollm2_cache: Path
) -> None:
    spec = smollm2_spec(smollm2)
    converted = {file: file.stat().st_mtime_ns for file in smollm2_cache.rglob("*")}
    backbone = load_backbone(spec, "cpu", smollm2_cache, generates=True)
    assert {file: file.stat().st_mtime_ns for file in smollm2_cache.rglob("*")} == converted, (
        "nothing is converted again"
    )
    assert backbone.weight_bytes < 80e6 < backbone.weight_bytes_fp32 / 6
    assert backbone.tokenizer.encode(["Habari ya leo"], 20) == [[29801, 2566, 47801, 425, 95]]
    model = PromptModel(
        backbone,
        plan.Plan(
            task=plan.Task(labels=(), kind="generation"),
            backbone=spec,
            prompt=plan.PromptSpec(tokens=4),
            training=plan.Training(epochs=20, batch_size=1, max_tokens=24),
        ),
    )
    encoded = encode(model, [Example("Kenya", completion="Nairobi")])
    before = measure(model, encoded)
    train(model, encoded, model.plan.training, rng=np.random.default_rng(0))
    assert measure(model, encoded).loss < 0.2 * before.loss
    assert write(model, ["Kenya"]) == ["Nairobi"]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["prompt", "p-tuning"])
def test_plain_peft_writes_with_an_exported_adapter_what_mfpt_writes(
    method: str, load: Callable[..., Backbone], writers: dict[str, Path], tmp_path: Path
) -> None:
    model = model_of(load(), method, prompt_learning_rate=0.05, epochs=100)
    train(model, encode(model, EXAMPLES[:2]), model.plan.training, rng=np.random.default_rng(0))
    header = PromptHeader(language=LanguageCode("swh"), version=1, plan=model.plan.digest, backbone="", examples=1)
    export_peft(Model(model.plan, Prompt(header, model.state())), tmp_path / "adapter")
    theirs = AutoModelForCausalLM.from_pretrained(writers["tied"])
    peft = PeftModel.from_pretrained(theirs, str(tmp_path / "adapter")).eval()
    tokenizer = AutoTokenizer.from_pretrained(writers["tied"])
    (ours,) = write(model, ["the food was good"])
    batch = tokenizer("the food was good\n", return_tensors="pt", return_token_type_ids=False)
    with torch.no_grad():
        written = peft.generate(**batch, do_sample=False, max_new_tokens=15)[0]
    answer = written[written.shape[0] - 15 :] if len(written) > 15 else written
    assert ours
    assert tokenizer.decode(answer, skip_special_tokens=True).strip().endswith(ours)


def test_peft_has_no_late_prompt_that_writes(load: Callable[..., Backbone], tmp_path: Path) -> None:
    model = model_of(load(), "late")
    header = PromptHeader(language=LanguageCode("swh"), version=1, plan=model.plan.digest, backbone="", examples=1)
    with pytest.raises(Incompatible, match="late prompt"):
        export_peft(Model(model.plan, Prompt(header, model.state())), tmp_path / "adapter")


class Parrot:
    """Answers with what it was asked."""

    def complete(self, texts: Sequence[str]) -> list[str]:
        return list(texts)


def test_quality_counts_equal_texts_and_common_words() -> None:
    examples = [Example("Dar es Salaam", completion="dar  es salaam"), Example("Mji wa Kale", completion="Mji Mkongwe")]
    assert evaluate(Parrot(), examples) == Quality(0.5, (1.0 + 0.4) / 2, 2)
    assert evaluate(Parrot(), []) == Quality(0.0, 0.0, 0)
    assert [one.completion for one in complete(Parrot(), ["a"])] == ["a"]


@pytest.mark.parametrize(
    ("found", "expected", "f1"),
    [("a b", "a b", 1.0), ("a b", "b a", 1.0), ("a a", "a", 2 / 3), ("a", "b", 0.0), ("", "b", 0.0), ("", "", 1.0)],
)
def test_token_f1_is_the_harmonic_mean_of_precision_and_recall(found: str, expected: str, f1: float) -> None:
    assert token_f1(found, expected) == pytest.approx(f1)
