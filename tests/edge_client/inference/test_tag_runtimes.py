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

from mfpt_edge.data.example import Example
from mfpt_edge.inference import graph_folder
from mfpt_edge.inference.export import export_onnx, export_peft
from mfpt_edge.inference.onnx_runtime import OnnxPredictor
from mfpt_edge.inference.tags import Tagger, evaluate, predict
from mfpt_edge.inference.torch_runtime import TorchTagger
from mfpt_edge.storage.saved_prompt import Model
from mfpt_shared import plan, tensors
from mfpt_shared.backbones.describe import describe
from mfpt_shared.device.trainer import Tally
from mfpt_shared.errors import Incompatible
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import Prompt, PromptHeader
from support.backbones import tiny_spec

METHODS = ("late", "prompt", "p-tuning")
SENTENCES = (
    ("Timu", "ya", "taifa", "ilishinda", "mechi", "ya", "fainali", "jana", "usiku", "."),
    ("Bei",),
    (),
    ("Ẹ", "káàárọ̀", ",", "\u200b", "ṣé", "dáadáa", "ni", "ẹ", "jí", "?"),
    ("neno",) * 300,
)


def model_of(backbone: plan.BackboneSpec, method: Any = "late", labels: tuple[str, ...] = ("x", "y", "z")) -> Model:
    """A plan and a random prompt, whose head is large enough for clear answers."""
    backbone = msgspec.structs.replace(backbone, fingerprint=describe(backbone.uri).fingerprint)
    the_plan = plan.Plan(
        task=plan.Task(labels=labels, kind="tagging"),
        backbone=backbone,
        prompt=plan.PromptSpec(method=method, tokens=5, encoder_width=16),
    )
    rng = np.random.default_rng(1)
    state = {name: rng.normal(0, 0.3, shape).astype(np.float32) for name, shape in tensors.layout(the_plan).items()}
    header = PromptHeader(
        language=LanguageCode("swh"), version=1, plan=the_plan.digest, backbone=backbone.fingerprint, examples=1
    )
    return Model(the_plan, Prompt(header, state))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module", params=["torch", "onnx"])
def tagger(request: pytest.FixtureRequest, cache: Path) -> Tagger:
    model = model_of(plan.BackboneSpec())
    if request.param == "torch":
        return TorchTagger(model, device="cpu")
    return OnnxPredictor(model, graph_folder.bundled_folder(model.plan, cache))


def test_every_word_that_fits_has_a_label(tagger: Tagger) -> None:
    found = tagger.word_probabilities(SENTENCES)
    assert [len(rows) for rows in found[:-1]] == [len(words) for words in SENTENCES[:-1]]
    assert 100 < len(found[-1]) < 128
    assert found[2].shape == (0, 3)
    np.testing.assert_allclose(np.concatenate(found).sum(axis=1), 1, rtol=1e-3)


def test_words_that_were_cut_off_have_no_label(tagger: Tagger) -> None:
    (long,) = predict(tagger, SENTENCES[-1:])
    kept = len(tagger.word_probabilities(SENTENCES[-1:])[0])
    assert None not in long.tags[:kept]
    assert set(long.tags[kept:]) == {None}
    assert len(long.tags) == len(long.words) == 300


def test_what_is_measured_counts_every_word(tagger: Tagger) -> None:
    kept = len(tagger.word_probabilities(SENTENCES[-1:])[0])
    answers = [
        [0 if tag is None else tagger.task.labels.index(tag.label) for tag in one.tags]
        for one in predict(tagger, SENTENCES)
    ]
    examples = [Example("", words=words, tags=tuple(tags)) for words, tags in zip(SENTENCES, answers, strict=True)]
    measured = evaluate(tagger, examples)
    assert (measured.words, measured.cut_words) == (321, 300 - kept)
    assert measured.tallies[-1] == Tally(kept, 300, 300)
    assert measured.accuracy == pytest.approx((21 + kept) / 321)
    assert measured.f1 is None


def test_nothing_is_measured_of_nothing(tagger: Tagger) -> None:
    measured = evaluate(tagger, [])
    assert (measured.accuracy, measured.loss, measured.words) == (0, 0, 0)


def test_both_runtimes_give_nearly_the_same_probabilities(cache: Path) -> None:
    model = model_of(plan.BackboneSpec())
    ours = TorchTagger(model, device="cpu").word_probabilities(SENTENCES[:2])
    theirs = OnnxPredictor(model, graph_folder.bundled_folder(model.plan, cache)).word_probabilities(SENTENCES[:2])
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, atol=0.1)


def test_entities_are_measured_by_f1_and_words_by_accuracy(cache: Path) -> None:
    model = model_of(plan.BackboneSpec(), labels=("O", "B-PER", "I-PER"))
    predictor = OnnxPredictor(model, graph_folder.bundled_folder(model.plan, cache))
    (found,) = predict(predictor, SENTENCES[:1])
    labels = [model.plan.task.labels.index(tag.label) for tag in found.tags if tag is not None]
    measured = evaluate(predictor, [Example("", words=SENTENCES[0], tags=tuple(labels))])
    assert (measured.accuracy, measured.f1) == (1.0, 1.0 if any(labels) else 0.0)


def test_a_graph_for_texts_is_refused_for_words_and_the_other_way_round(cache: Path) -> None:
    words = model_of(plan.BackboneSpec())
    texts = plan.Plan(task=plan.Task(labels=("x", "y")), backbone=words.plan.backbone, prompt=words.plan.prompt)
    folder = graph_folder.bundled_folder(texts, cache)
    with pytest.raises(Incompatible, match="exported graph labels texts, and the plan's task is to label words"):
        OnnxPredictor(words, folder)
    assert graph_folder.bundled_folder(words.plan, cache) != folder


@pytest.mark.parametrize("family", ["Bert", "XLMRoberta"])
def test_a_backbone_from_a_folder_is_exported_for_words(
    family: str, tiny_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    model = model_of(tiny_spec(tiny_folder(family)))
    export_onnx(model.plan, tmp_path / "graph", None)
    sentences = [("the", "food", "was", "good"), ("bad",)]
    ours = TorchTagger(model, device="cpu").word_probabilities(sentences)
    theirs = OnnxPredictor(model, tmp_path / "graph").word_probabilities(sentences)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, atol=0.25)


@pytest.mark.parametrize("family", ["Bert", "XLMRoberta", "Llama"])
@pytest.mark.parametrize("method", METHODS)
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
