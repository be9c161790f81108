"""Labels of words are the same from torch, from ONNX Runtime, and from an exported adapter with plain PEFT."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from peft import PeftModel, PeftModelForTokenClassification
from transformers import AutoModelForTokenClassification

from mfpt_edge.inference import graph_folder
from mfpt_edge.inference.export import export_onnx, export_peft
from mfpt_edge.inference.onnx_runtime import OnnxPredictor
from mfpt_edge.inference.torch_runtime import TorchTagger
from mfpt_edge.storage.saved_prompt import Model
from mfpt_shared import plan, tensors
from mfpt_shared.backbones.describe import describe
from mfpt_shared.errors import Incompatible
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import Prompt, PromptHeader
from support.backbones import tiny_spec

SENTENCES = (
    ("Timu", "ya", "taifa", "ilishinda", "mechi", "ya", "fainali", "jana", "usiku", "."),
    ("Bei",),
    (),
    ("Ẹ", "káàárọ̀", ",", "\u200b", "ṣé", "dáadáa", "ni", "ẹ", "jí", "?"),
    ("neno",) * 60,
)


def model_of(
    backbone: plan.BackboneSpec,
    method: Any = "late",
    *,
    labels: tuple[str, ...] = ("x", "y", "z"),
    deviation: float = 0.3,
) -> Model:
    """A plan and a random prompt, whose head is large enough for clear answers."""
    backbone = msgspec.structs.replace(backbone, fingerprint=describe(backbone.uri).fingerprint)
    the_plan = plan.Plan(
        task=plan.Task(labels=labels, kind="tagging"),
        backbone=backbone,
        prompt=plan.PromptSpec(method=method, tokens=5, encoder_width=16),
        training=plan.Training(max_tokens=40),
    )
    rng = np.random.default_rng(1)
    state = {
        name: rng.normal(0, deviation, shape).astype(np.float32) for name, shape in tensors.layout(the_plan).items()
    }
    header = PromptHeader(
        language=LanguageCode("swh"), version=1, plan=the_plan.digest, backbone=backbone.fingerprint, examples=1
    )
    return Model(the_plan, Prompt(header, state))


@pytest.mark.slow
def test_both_runtimes_label_every_word_that_fits_alike(tmp_path: Path) -> None:
    model = model_of(plan.BackboneSpec())
    ours = TorchTagger(model, device="cpu").word_probabilities(SENTENCES)
    theirs = OnnxPredictor(model, graph_folder.bundled_folder(model.plan, tmp_path)).word_probabilities(SENTENCES)
    for words, one, other in zip(SENTENCES, ours, theirs, strict=True):
        assert one.shape == other.shape == (min(len(words), 35), 3)
        np.testing.assert_allclose(one, other, atol=0.1)


def test_a_graph_for_texts_is_refused_for_words_and_the_other_way_round(tmp_path: Path) -> None:
    words = model_of(plan.BackboneSpec()).plan
    texts = msgspec.structs.replace(words, task=plan.Task(labels=("x", "y")))
    old = (
        b'{"backbone": "%s", "layer": 9, "positions": 512, "pad_id": 1, "format": 1}'
        % words.backbone.fingerprint.encode()
    )
    (tmp_path / "about.json").write_bytes(old)
    about = graph_folder.read_about(tmp_path)
    graph_folder.check(about, texts)
    with pytest.raises(Incompatible, match="exported graph labels texts, and the plan's task is to label words"):
        graph_folder.check(about, words)
    with pytest.raises(Incompatible, match="exported graph labels words, and the plan's task is to label texts"):
        graph_folder.check(msgspec.structs.replace(about, words=True), texts)


@pytest.mark.parametrize("family", ["Bert", "XLMRoberta"])
def test_a_backbone_from_a_folder_is_exported_for_words(
    family: str, tiny_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    model = model_of(tiny_spec(tiny_folder(family)), deviation=0.1)
    export_onnx(model.plan, tmp_path / "graph", None)
    sentences = [("the", "food", "was", "good"), ("bad",)]
    ours = TorchTagger(model, device="cpu").word_probabilities(sentences)
    theirs = OnnxPredictor(model, tmp_path / "graph").word_probabilities(sentences)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, atol=0.25)


@pytest.mark.parametrize(
    ("family", "method"), [("Bert", "late"), ("XLMRoberta", "prompt"), ("Llama", "late"), ("Llama", "p-tuning")]
)
def test_plain_peft_labels_words_with_an_exported_adapter(
    family: str, method: str, tiny_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    model = model_of(tiny_spec(tiny_folder(family)), method)
    export_peft(model, tmp_path / "adapter")
    backbone = AutoModelForTokenClassification.from_pretrained(tiny_folder(family), num_labels=3)
    peft = PeftModel.from_pretrained(backbone, str(tmp_path / "adapter")).eval()
    assert isinstance(peft, PeftModelForTokenClassification)
    # "query: good food", "query: bad"
    ids = torch.tensor([[0, 10, 11, 4, 13, 2], [0, 10, 11, 7, 2, 1]])
    mask = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 0]])
    with torch.no_grad():
        logits = peft(input_ids=ids, attention_mask=mask).logits[:, 5:]
    ours = TorchTagger(model, device="cpu").word_probabilities([("good", "food"), ("bad",)])
    np.testing.assert_allclose(logits[0, 3:5].softmax(dim=-1).numpy(), ours[0], atol=1e-4)
    np.testing.assert_allclose(logits[1, 3:4].softmax(dim=-1).numpy(), ours[1], atol=1e-4)
