"""Pairs of texts: read from their columns, encoded together, and labelled alike by every runtime."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfpt_edge.backbone.parts import Backbone
from mfpt_edge.bundled.place import find_file
from mfpt_edge.data.columns import Columns
from mfpt_edge.data.example import Example
from mfpt_edge.data.sources import load_dataset
from mfpt_edge.data.summary import describe
from mfpt_edge.formats.e5_file import E5File
from mfpt_edge.formats.e5_tokenizer import BundledTokenizer
from mfpt_edge.inference import graph_folder
from mfpt_edge.inference.export import export_onnx
from mfpt_edge.inference.labels import evaluate, predict
from mfpt_edge.inference.onnx_runtime import OnnxPredictor
from mfpt_edge.inference.torch_runtime import TorchPredictor
from mfpt_edge.storage.saved_prompt import Model
from mfpt_edge.tuning.encoding import encode
from mfpt_edge.tuning.loop import evaluate as measure
from mfpt_edge.tuning.loop import train
from mfpt_edge.tuning.model import PromptModel
from mfpt_shared import plan, tensors
from mfpt_shared.backbones.describe import describe as describe_backbone
from mfpt_shared.errors import DatasetError, PlanError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan_files import plan_from_toml, plan_to_toml
from mfpt_shared.protocol.messages import Prompt, PromptHeader
from support.backbones import tiny_spec

LABELS = ("entailment", "neutral", "contradiction")
SWAHILI = LanguageCode("swh")
PREMISES = ("Mvua inanyesha leo.", "Anasoma kitabu.", "neno " * 300, "Ndiyo")
HYPOTHESES = ("Kuna mvua.", "Analala.", "Ndiyo", "neno " * 300)
PAIRS = [Example(one, pair=other) for one, other in zip(PREMISES, HYPOTHESES, strict=True)]
SWAPPED = [Example(one.pair, pair=one.text) for one in PAIRS]


@pytest.fixture(scope="module")
def tokenizer() -> BundledTokenizer:
    return BundledTokenizer(E5File(find_file()))


def write_pairs(folder: Path, **renamed: str) -> Path:
    names = {"premise": "premise", "hypothesis": "hypothesis", "label": "label"} | renamed
    rows = [
        {
            names["premise"]: f"sentence number {number}",
            names["hypothesis"]: f"claim {number % 7}",
            names["label"]: LABELS[number % 3],
        }
        for number in range(60)
    ]
    file = folder / "train.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return file


@pytest.mark.parametrize("names", [{}, {"premise": "sentence1", "hypothesis": "sentence2", "label": "gold_label"}])
def test_pairs_are_found_in_their_usual_columns(names: dict[str, str], tmp_path: Path) -> None:
    dataset = load_dataset(str(write_pairs(tmp_path, **names)), SWAHILI, LABELS, kind="pairs")
    everything = [*dataset.train, *dataset.test]
    assert len(everything) == 60
    assert all(one.text.startswith("sentence number") and one.pair.startswith("claim") for one in everything)


def test_the_columns_of_pairs_can_be_named(tmp_path: Path) -> None:
    file = write_pairs(tmp_path, premise="a", hypothesis="b", label="c")
    with pytest.raises(DatasetError, match="--text-column"):
        load_dataset(str(file), SWAHILI, LABELS, kind="pairs")
    dataset = load_dataset(str(file), SWAHILI, LABELS, kind="pairs", columns=Columns("a", "c", "b"))
    assert dataset.train[0].pair.startswith("claim")


def test_a_row_without_its_second_text_is_skipped_and_counted(tmp_path: Path) -> None:
    file = write_pairs(tmp_path)
    with file.open("a", encoding="utf-8") as stream:
        stream.write('\n{"premise": "x", "hypothesis": "", "label": "neutral"}\n{"premise": "x", "label": "neutral"}')
    assert dict(load_dataset(str(file), SWAHILI, LABELS, kind="pairs").skipped) == {"empty text": 2}


def test_pairs_with_the_same_first_text_are_different_examples(tmp_path: Path) -> None:
    rows = [
        {"premise": "the same", "hypothesis": f"claim {number}", "label": LABELS[number % 3]} for number in range(50)
    ]
    for name, some in (("train", rows[:30]), ("test", rows[20:])):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, some)), encoding="utf-8")
    dataset = load_dataset(str(tmp_path), SWAHILI, LABELS, kind="pairs")
    assert len(dataset.test) == 30
    assert len(dataset.train) == 20
    assert dict(dataset.skipped) == {"text also in another split": 10}


def test_the_embedded_data_has_no_pairs() -> None:
    with pytest.raises(DatasetError, match="no pairs"):
        load_dataset("cldr", SWAHILI, LABELS, kind="pairs")


def test_the_embedded_data_pairs_names_with_english_ones_to_be_written() -> None:
    dataset = load_dataset("cldr", SWAHILI, (), kind="generation")
    answers = {one.text: one.completion for one in (*dataset.train, *dataset.test)}
    assert answers["Ufaransa"] == "France"
    assert len(answers) > 200
    summary = describe(dataset, ())
    assert summary.counts["train"] == {"completion": len(dataset.train)}
    assert all(answers[text] == completion for completion, text in summary.samples)


def test_prompts_and_completions_are_read_from_a_table(tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    rows = [f"swali {number},jibu {number % 5}" for number in range(40)]
    file.write_text("\n".join(["prompt,completion", *rows, "x,"]), encoding="utf-8")
    dataset = load_dataset(str(file), SWAHILI, (), kind="generation")
    assert {one.completion for one in dataset.train} == {f"jibu {number}" for number in range(5)}
    assert dict(dataset.skipped) == {"empty completion": 1}


@given(first=st.text("abc ", max_size=60), second=st.text("abc ", max_size=60), limit=st.integers(8, 40))
def test_a_pair_is_encoded_as_its_texts_are_and_cut_where_it_is_longer(
    first: str, second: str, limit: int, tokenizer: BundledTokenizer
) -> None:
    ones, others = (tokenizer.encode([text], 1000)[0][1:-1] for text in (first, second))
    (found,) = tokenizer.encode([first], limit, [second])
    start, end = tokenizer.encode([""], 10)[0]
    assert len(found) == min(limit, len(ones) + len(others) + 4)
    middle = found.index(end)
    kept, rest = found[1:middle], found[middle + 2 : -1]
    assert (found[0], found[middle + 1], found[-1]) == (start, end, end)
    assert (kept, rest) == (ones[: len(kept)], others[: len(rest)])
    if len(ones) + len(others) + 4 > limit:
        half = (limit - 4) // 2
        assert len(kept) >= min(len(ones), half)
        assert len(rest) >= min(len(others), half)


def test_one_label_for_two_texts_is_learned_from_both(tiny_backbone: Callable[..., Backbone]) -> None:
    words = ("good", "bad", "fine", "poor", "great", "awful")
    examples = [Example(one, int(one == other), pair=other) for one in words for other in words]
    backbone = tiny_backbone("XLMRoberta")
    model = PromptModel(
        backbone,
        plan.Plan(
            task=plan.Task(labels=("other", "same"), kind="pairs"),
            backbone=plan.BackboneSpec(uri="path:tiny", width=backbone.width, layers=backbone.layers, prefix=""),
            prompt=plan.PromptSpec(tokens=4, layer=0),
            training=plan.Training(epochs=60, prompt_learning_rate=0.05, head_learning_rate=0.02),
        ),
    )
    # As many of either label: knowing only one of the two texts would not help.
    same = [one for one in examples if one.label] * 5
    encoded = encode(model, [*same, *(one for one in examples if not one.label)])
    before = measure(model, encoded)
    train(model, encoded, model.plan.training, rng=np.random.default_rng(0))
    after = measure(model, encoded)
    assert after.loss < before.loss
    assert after.accuracy > 0.65


def model_of(spec: plan.BackboneSpec, seed: int = 1) -> Model:
    facts = describe_backbone(spec.uri)
    spec = msgspec.structs.replace(spec, fingerprint=facts.fingerprint)
    the_plan = plan.Plan(task=plan.Task(labels=LABELS, kind="pairs"), backbone=spec, prompt=plan.PromptSpec(tokens=4))
    rng = np.random.default_rng(seed)
    state = {name: rng.normal(0, 0.3, shape).astype(np.float32) for name, shape in tensors.layout(the_plan).items()}
    header = PromptHeader(language=SWAHILI, version=1, plan=the_plan.digest, backbone=spec.fingerprint, examples=1)
    return Model(the_plan, Prompt(header, state))


def test_both_runtimes_label_pairs_alike_and_look_at_both_texts(tmp_path: Path) -> None:
    model = model_of(plan.BackboneSpec())
    predictors = (
        TorchPredictor(model, device="cpu"),
        OnnxPredictor(model, graph_folder.bundled_folder(model.plan, tmp_path)),
    )
    ours, theirs = (one.probabilities(PAIRS) for one in predictors)
    np.testing.assert_allclose(ours, theirs, atol=0.1)
    for one in predictors:
        swapped = one.probabilities(SWAPPED)
        assert not np.allclose(one.probabilities(PAIRS), swapped, atol=1e-3)
        labelled = predict(one, PREMISES[:1], HYPOTHESES[:1])
        measured = evaluate(one, [Example(PREMISES[0], LABELS.index(labelled[0].label), pair=HYPOTHESES[0])])
        assert measured.accuracy == 1.0


def test_an_exported_tokenizer_encodes_pairs_as_the_original(
    tiny_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    spec: Any = tiny_spec(tiny_folder("XLMRoberta"))
    model = model_of(spec)
    export_onnx(model.plan, tmp_path / "out", None)
    pairs = [Example("the food was good", pair="bad"), Example("a", pair="b c d and a")]
    expected = TorchPredictor(model, device="cpu").probabilities(pairs)
    found = OnnxPredictor(model, tmp_path / "out").probabilities(pairs)
    np.testing.assert_allclose(found, expected, atol=0.02)


@pytest.mark.parametrize(
    ("labels", "kind", "named"),
    [
        ((), "classification", "two labels"),
        (("a",), "pairs", "two labels"),
        (("a", "b"), "generation", "must be empty"),
        ((), "nonsense", "nonsense"),
    ],
)
def test_labels_must_suit_the_kind_of_task(labels: Sequence[str], kind: str, named: str) -> None:
    with pytest.raises(PlanError, match=named):
        plan.made(plan.Plan, task={"labels": labels, "kind": kind})


def test_a_plan_that_generates_tunes_virtual_tokens_alone_and_starts_no_head() -> None:
    made = plan.made(plan.Plan, task={"labels": (), "kind": "generation"})
    assert set(tensors.layout(made)) == {"prompt"}
    assert not made.starts_closed
    assert plan_from_toml(plan_to_toml(made), "x") == made
