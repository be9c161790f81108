"""Cells of Parquet files: labels of every type, and columns that are no texts, named by their type."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from mfpt_edge.data.columns import Columns
from mfpt_edge.data.sources import load_split
from mfpt_shared.errors import DatasetError
from support.tables import LABELS

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

TEXTS = ["Dawa", "Mpira", "Wali"]


def parquet(folder: Path, labels: Sequence[object], **more: object) -> Path:
    pq.write_table(pa.table({"text": TEXTS, "label": labels, **more}), folder / "a.parquet")
    return folder / "a.parquet"


@pytest.mark.parametrize(
    ("cells", "plan"),
    [
        ([["health"], ["sport"], []], LABELS),
        ([0.0, 1.0, float("nan")], LABELS),
        ([False, True, None], ("false", "true")),
        ([0, 1, None], LABELS),
        (pa.array([["health"], ["sport"], None], pa.list_(pa.string(), 1)), LABELS),
        (pa.array(["health", "sport", None]).dictionary_encode(), LABELS),
    ],
)
def test_labels_are_read_from_every_type_that_holds_one(
    tmp_path: Path, cells: Sequence[object], plan: tuple[str, ...]
) -> None:
    loaded = load_split(parquet(tmp_path, cells), plan)

    assert [(example.text, example.label) for example in loaded.examples] == [("Dawa", 0), ("Mpira", 1)]
    assert loaded.skipped == {"empty label": 1}


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ([["health", "sport"], ["sport", "health"], ["sport", "health"]], "'label' holds a list of 2"),
        ([[0.5] * 300] * 3, "'label' holds values of type list<"),
        ([{"name": "health"}] * 3, "'label' holds values of type struct<name: string>"),
        (pa.array([0, 1, 2], pa.timestamp("s")), "'label' holds values of type timestamp"),
        (pa.array([1, 2, 3], pa.decimal128(3)), "'label' holds values of type decimal"),
        ([0.5, 1.5, 2.5], "'label' holds a number that is not whole"),
    ],
)
def test_a_label_of_another_type_is_refused_by_column_and_type(
    tmp_path: Path, cells: Sequence[object], reason: str
) -> None:
    with pytest.raises(DatasetError, match=f"3 x {reason}"):
        load_split(parquet(tmp_path, cells), LABELS)


def test_vectors_beside_the_texts_are_not_read(tmp_path: Path) -> None:
    file = parquet(tmp_path, ["health", "sport", "health"], vector=[[0.1] * 64] * 3)

    assert len(load_split(file, LABELS).examples) == 3
    with pytest.raises(DatasetError, match="3 x 'vector' holds values of type list<"):
        load_split(file, LABELS, Columns(text="vector"))
