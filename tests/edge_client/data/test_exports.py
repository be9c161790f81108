"""What annotation tools export: texts and labels are found, and answers that do not count are named."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfpt_edge.data.columns import Columns
from mfpt_edge.data.exports import flattened
from mfpt_edge.data.sources import Loaded, load_split
from mfpt_edge.data.table import Record, Table
from mfpt_shared.errors import DatasetError
from support.tables import LABELS, write

Cells = Mapping[str, object]


def read(folder: Path, lines: Sequence[Cells], columns: Columns | None = None) -> Loaded:
    return load_split(write(folder / "a.jsonl", "\n".join(map(json.dumps, lines))), LABELS, columns)


def pairs(loaded: Loaded) -> list[tuple[str, str]]:
    return [(example.text, LABELS[example.label]) for example in loaded.examples]


def annotation(*results: Cells, cancelled: bool = False) -> Cells:
    return {"id": 7, "was_cancelled": cancelled, "result": results}


def choice(*chosen: str, name: str = "topic") -> Cells:
    return {"from_name": name, "to_name": "text", "type": "choices", "value": {"choices": chosen}}


def task(text: str, *annotations: Cells) -> Cells:
    return {"id": 1, "data": {"text": text, "source": "radio"}, "annotations": annotations, "predictions": []}


def test_label_studio_has_its_texts_in_data_and_its_labels_in_annotations(tmp_path: Path) -> None:
    loaded = read(tmp_path, [task("Dawa", annotation(choice("health"))), task("Mpira", annotation(choice("sport")))])

    assert pairs(loaded) == [("Dawa", "health"), ("Mpira", "sport")]
    assert loaded.notes == (f"{tmp_path / 'a.jsonl'}: read as an export of Label Studio",)


@pytest.mark.parametrize(
    ("annotations", "reason"),
    [
        ([], "empty label"),
        ([annotation()], "empty label"),
        ([annotation(choice("health"), cancelled=True)], "cancelled by its annotator"),
        ([annotation(choice("health")), annotation(choice("sport"))], "'label' holds annotations that disagree"),
        ([annotation(choice("health", "sport"))], "'label' holds a list of 2"),
        (
            [annotation({"from_name": "topic", "value": {"start": 0, "text": "D", "labels": ["PER"]}})],
            "'label' holds an annotation that is no choice",
        ),
    ],
)
def test_annotations_that_give_no_single_label_skip_their_row(
    tmp_path: Path, annotations: Sequence[Cells], reason: str
) -> None:
    loaded = read(tmp_path, [task("Dawa", annotation(choice("health"))), task("Mpira", *annotations)])

    assert pairs(loaded) == [("Dawa", "health")]
    assert loaded.skipped == {reason: 1}


def test_annotators_who_agree_give_one_label(tmp_path: Path) -> None:
    same = [annotation(choice("sport")), annotation(choice("sport")), annotation(choice("health"), cancelled=True)]

    assert pairs(read(tmp_path, [task("Mpira", *same)])) == [("Mpira", "sport")]


def test_of_several_questions_in_label_studio_the_named_one_is_read(tmp_path: Path) -> None:
    both = [annotation(choice("health", name="topic"), choice(mood, name="mood")) for mood in ("good", "bad")]

    assert pairs(read(tmp_path, [task("Dawa", *both)], Columns(label="topic"))) == [("Dawa", "health")]


@pytest.mark.parametrize("chosen", ["health", {"choices": ["health"]}])
def test_label_studio_calls_the_column_of_its_short_export_after_the_question(tmp_path: Path, chosen: object) -> None:
    about = {"id": 1, "annotator": 1, "annotation_id": 3, "created_at": "2024-01-01", "lead_time": 4.5}

    assert pairs(read(tmp_path, [{"text": "Dawa", "sentiment": chosen, **about}])) == [("Dawa", "health")]


def test_a_usual_column_of_labels_counts_in_the_short_export_too(tmp_path: Path) -> None:
    about = {"annotator": 1, "annotation_id": 3, "lead_time": 4.5}

    assert pairs(read(tmp_path, [{"text": "Dawa", "category": "health", **about}])) == [("Dawa", "health")]
    assert pairs(read(tmp_path, [{"text": "Dawa", "category": "health", "radio": "sport", **about}])) == [
        ("Dawa", "health")
    ]


def test_only_what_was_accepted_in_prodigy_counts(tmp_path: Path) -> None:
    answers = ("accept", "reject", "ignore", "accept", "reject")
    loaded = read(tmp_path, [{"text": f"a{n}", "label": "sport", "answer": one} for n, one in enumerate(answers)])

    assert pairs(loaded) == [("a0", "sport"), ("a3", "sport")]
    assert loaded.skipped == {"answer 'reject' in Prodigy": 2, "answer 'ignore' in Prodigy": 1}


@pytest.mark.parametrize(("accept", "ids"), [(["health"], ["health", "sport"]), ([1], [1, 2]), (["1"], ["1", "2"])])
def test_the_option_accepted_in_prodigy_is_the_label(
    tmp_path: Path, accept: Sequence[object], ids: Sequence[object]
) -> None:
    options = [{"id": one, "text": text} for one, text in zip(ids, LABELS, strict=True)]
    line = {"text": "Dawa", "options": options, "accept": accept, "answer": "accept"}

    assert pairs(read(tmp_path, [line])) == [("Dawa", "health")]


@pytest.mark.parametrize("text", ["data", "text"])
def test_doccano_has_lists_of_one_label(tmp_path: Path, text: str) -> None:
    lines = [{"id": 1, text: "Dawa", "label": ["health"]}, {"id": 2, text: "Mpira", "label": []}]
    loaded = read(tmp_path, lines)

    assert pairs(loaded) == [("Dawa", "health")]
    assert loaded.skipped == {"empty label": 1}


@pytest.mark.parametrize(
    "cells",
    [
        {"question": "Wapi?", "answer": "accept"},
        {"label": "Wapi?", "answer": "Dodoma"},
        {"label": "Wapi?", "answer": 1},
        {"data": "Wapi?", "label": "health"},
    ],
)
def test_a_table_that_only_looks_like_an_export_stays_as_it_is(cells: Cells) -> None:
    table = Table("a", tuple(cells), [Record(1, cells), Record(2, None)])

    assert flattened(table) is table


NAMES = st.sampled_from(
    ["data", "annotations", "result", "value", "choices", "text", "label", "answer", "accept", "options"]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["accept", "reject", "health", ""])
CELLS = st.recursive(LEAVES, lambda of: st.lists(of, max_size=3) | st.dictionaries(NAMES, of, max_size=4), max_leaves=9)


@given(st.lists(st.dictionaries(NAMES, CELLS, max_size=6), min_size=1, max_size=5))
@settings(max_examples=150)
def test_whatever_an_export_holds_its_rows_add_up_or_are_refused(lines: list[Cells]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            loaded = read(Path(folder), lines)
        except DatasetError:
            return
        assert len(loaded.examples) + len(loaded.skipped_rows) == len(lines)
