"""Every runtime gives the same answers: torch, ONNX Runtime, and for exported adapters PEFT."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModel

from mfpt_edge.data.example import Example
from mfpt_edge.inference import graph_folder
from mfpt_edge.inference.export import export_onnx, export_peft
from mfpt_edge.inference.labels import Predictor, evaluate, predict
from mfpt_edge.inference.onnx_runtime import OnnxPredictor
from mfpt_edge.inference.torch_runtime import TorchPredictor
from mfpt_edge.storage.saved_prompt import Model
from mfpt_shared import plan, tensors
from mfpt_shared.backbones.describe import describe
from mfpt_shared.errors import Incompatible, UsageError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import Prompt, PromptHeader
from support.backbones import tiny_spec
from support.programs import variables

METHODS = ("late", "prompt", "p-tuning")
TEXTS = (
    "Timu ya taifa ilishinda mechi ya fainali jana usiku.",
    "Bei ya mafuta imepanda",
    "",
    "Ẹ káàárọ̀, ṣé dáadáa ni ẹ jí?",
    "neno " * 300,
)
EXAMPLES = [Example(text) for text in TEXTS]


def model_of(backbone: plan.BackboneSpec, method: str = "late", seed: int = 1) -> Model:
    """A plan and a random prompt, whose head is large enough for clear answers."""
    prompt: Any = msgspec.structs.replace(plan.PromptSpec(tokens=5, encoder_width=16), method=method)
    facts = describe(backbone.uri)
    backbone = msgspec.structs.replace(backbone, fingerprint=facts.fingerprint)
    the_plan = plan.Plan(task=plan.Task(labels=("x", "y", "z")), backbone=backbone, prompt=prompt)
    rng = np.random.default_rng(seed)
    state = {name: rng.normal(0, 0.3, shape).astype(np.float32) for name, shape in tensors.layout(the_plan).items()}
    header = PromptHeader(
        language=LanguageCode("swh"), version=1, plan=the_plan.digest, backbone=backbone.fingerprint, examples=1
    )
    return Model(the_plan, Prompt(header, state))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(params=["torch", "onnx"])
def open_predictor(request: pytest.FixtureRequest, cache: Path) -> Iterator[Callable[[Model], Predictor]]:
    def make(model: Model) -> Predictor:
        if request.param == "torch":
            return TorchPredictor(model, device="cpu")
        return OnnxPredictor(model, graph_folder.bundled_folder(model.plan, cache))

    yield make


def test_probabilities_of_every_text_sum_to_one(open_predictor: Callable[[Model], Predictor]) -> None:
    found = open_predictor(model_of(plan.BackboneSpec())).probabilities(EXAMPLES)
    assert found.shape == (len(TEXTS), 3)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-3)


def test_an_answer_does_not_depend_on_the_texts_beside_it(open_predictor: Callable[[Model], Predictor]) -> None:
    predictor = open_predictor(model_of(plan.BackboneSpec()))
    together = predictor.probabilities(EXAMPLES)
    alone = np.concatenate([predictor.probabilities([example]) for example in EXAMPLES])
    np.testing.assert_allclose(together, alone, atol=0.03)


def test_no_texts_give_no_answers(open_predictor: Callable[[Model], Predictor]) -> None:
    predictor = open_predictor(model_of(plan.BackboneSpec()))
    assert predict(predictor, []) == []
    assert evaluate(predictor, []).examples == 0


def test_accuracy_counts_right_answers(open_predictor: Callable[[Model], Predictor]) -> None:
    predictor = open_predictor(model_of(plan.BackboneSpec()))
    labels = predictor.probabilities(EXAMPLES).argmax(axis=1).tolist()
    examples = [Example(text, label) for text, label in zip(TEXTS, labels, strict=True)]
    assert evaluate(predictor, examples).accuracy == 1
    examples[0] = Example(TEXTS[0], (labels[0] + 1) % 3)
    assert evaluate(predictor, examples).accuracy == pytest.approx(0.8)


@pytest.mark.parametrize("method", METHODS)
def test_onnx_runtime_answers_as_torch_does(method: str, cache: Path) -> None:
    model = model_of(plan.BackboneSpec(), method)
    ours = TorchPredictor(model, device="cpu").probabilities(EXAMPLES)
    theirs = OnnxPredictor(model, graph_folder.bundled_folder(model.plan, cache)).probabilities(EXAMPLES)
    np.testing.assert_allclose(theirs, ours, atol=0.05)
    assert (theirs.argmax(axis=1) == ours.argmax(axis=1)).mean() >= 0.8


def test_another_prompt_needs_no_other_graph(cache: Path) -> None:
    first, second = model_of(plan.BackboneSpec()), model_of(plan.BackboneSpec(), seed=2)
    folder = graph_folder.bundled_folder(first.plan, cache)
    written = (folder / graph_folder.GRAPH).stat().st_mtime_ns
    assert graph_folder.bundled_folder(second.plan, cache) == folder
    one, other = (OnnxPredictor(model, folder).probabilities(EXAMPLES) for model in (first, second))
    assert (folder / graph_folder.GRAPH).stat().st_mtime_ns == written
    assert not np.allclose(one, other, atol=0.05)


@pytest.mark.parametrize("quantisation", ["nf4", "none"])
@pytest.mark.parametrize("family", ["Bert", "XLMRoberta"])
@pytest.mark.parametrize("method", ["late", "prompt"])
def test_a_backbone_from_a_folder_is_exported(
    family: str, method: str, quantisation: str, tiny_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    model = model_of(tiny_spec(tiny_folder(family), quantisation), method)
    export_onnx(model.plan, tmp_path / "graph", None)
    texts = [Example(text) for text in ("the food was good and fine", "bad", "a b c d")]
    ours = TorchPredictor(model, device="cpu").probabilities(texts)
    # The graph has other blocks: random weights, rounded once more, leave answers alike but not the same.
    np.testing.assert_allclose(OnnxPredictor(model, tmp_path / "graph").probabilities(texts), ours, atol=0.25)


def test_a_graph_of_another_backbone_or_layer_is_refused(cache: Path, tiny_folder: Callable[[str], Path]) -> None:
    folder = graph_folder.bundled_folder(model_of(plan.BackboneSpec()).plan, cache)
    with pytest.raises(Incompatible, match="the prompt enters at layer 9, in the plan at None"):
        OnnxPredictor(model_of(plan.BackboneSpec(), "prompt"), folder)
    with pytest.raises(Incompatible, match="the exported backbone is sha256:1571"):
        OnnxPredictor(model_of(tiny_spec(tiny_folder("Bert"))), folder)


def test_a_folder_without_a_graph_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="mfpt-edge export --onnx"):
        OnnxPredictor(model_of(plan.BackboneSpec()), tmp_path)


def test_an_export_never_replaces_something_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="holds something else"):
        export_onnx(model_of(plan.BackboneSpec()).plan, tmp_path, None)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_decoder_is_not_exported(tiny_folder: Callable[[str], Path], tmp_path: Path) -> None:
    with pytest.raises(Incompatible, match="BERT family"):
        export_onnx(model_of(tiny_spec(tiny_folder("Llama"))).plan, tmp_path / "graph", None)


@pytest.mark.parametrize("family", ["Bert", "XLMRoberta", "Llama"])
@pytest.mark.parametrize("method", METHODS)
def test_plain_peft_loads_an_exported_adapter_and_gives_the_same_answers(
    family: str, method: str, tiny_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    model = model_of(tiny_spec(tiny_folder(family)), method)
    export_peft(model, tmp_path / "adapter")
    peft = PeftModel.from_pretrained(AutoModel.from_pretrained(tiny_folder(family)), str(tmp_path / "adapter")).eval()
    head = load_file(tmp_path / "adapter" / "head.safetensors")
    # What the adapter's README says: "query: " + "good food", "bad"
    ids = torch.tensor([[0, 10, 11, 4, 13, 2], [0, 10, 11, 7, 2, 1]])
    mask = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 0]])
    with torch.no_grad():
        states = peft(input_ids=ids, attention_mask=mask).last_hidden_state[:, 5:]
    weights = mask[..., None]
    pooled = 10 * torch.nn.functional.normalize((states * weights).sum(1) / weights.sum(1), dim=-1)
    logits = torch.nn.functional.linear(pooled, head["weight"], head["bias"])
    ours = TorchPredictor(model, device="cpu").probabilities([Example("good food"), Example("bad")])
    np.testing.assert_allclose(logits.softmax(dim=-1).numpy(), ours, atol=1e-4)


@pytest.mark.slow
def test_the_readme_of_a_late_adapter_runs_as_it_stands(tiny_folder: Callable[[str], Path], tmp_path: Path) -> None:
    model = model_of(tiny_spec(tiny_folder("Bert")))
    export_peft(model, tmp_path / "adapter")
    readme = (tmp_path / "adapter" / "README.md").read_text(encoding="utf-8")
    code = "\n".join(line[4:] for line in readme.splitlines() if line.startswith("    "))
    values = f"BACKBONE, FOLDER, text = {str(tiny_folder('Bert'))!r}, {str(tmp_path / 'adapter')!r}, 'good food'\n"
    code = values + code.replace('"FOLDER/', 'FOLDER + "/') + "\nprint(*logits.softmax(dim=-1)[0].tolist())"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True, env=variables(tmp_path)
    )
    ours = TorchPredictor(model, device="cpu").probabilities([Example("good food")])[0]
    np.testing.assert_allclose([float(number) for number in result.stdout.split()], ours, atol=1e-4)


def test_predicting_with_onnx_runtime_imports_no_torch(cache: Path, tmp_path: Path) -> None:
    script = """
import sys
from mfpt_edge.inference import export, graph_folder, labels, onnx_graph, onnx_runtime
print(*sorted(name for name in sys.modules if "." not in name))
"""
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True, env=variables(tmp_path)
    )
    assert not {"torch", "transformers", "peft", "bitsandbytes"} & set(result.stdout.split())
