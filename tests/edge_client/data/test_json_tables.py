"""JSON as tools export it: lines, arrays, arrays within an object, and what is damaged in each."""

import gzip
import json
from pathlib import Path

import pytest

from mfpt_edge.data.readers import read_file
from mfpt_edge.data.table import Table
from mfpt_shared.errors import DatasetError
from support.tables import write

ROWS = [{"text": "Habari, [dunia]", "label": ["health"]}, {"text": 'Mpira "}, {" leo', "label": "sports"}]
LINES = "\n".join(json.dumps(row) for row in ROWS)


def cells(table: Table) -> list[object]:
    return [record.cells for record in table.records if record.cells is not None]


def faults(table: Table) -> list[tuple[int, str]]:
    return [(record.row, record.fault) for record in table.records if record.cells is None]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.NDJSON"])
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(LINES, id="lines"),
        pytest.param(f"\ufeff{LINES}\r\n\r\n", id="lines with marks"),
        pytest.param(json.dumps(ROWS), id="array"),
        pytest.param(json.dumps(ROWS, indent=2), id="array over lines"),
        pytest.param(LINES.replace("\n", ",\n") + ",", id="lines with commas after"),
        pytest.param(LINES.replace("\n", "\r"), id="lines of an old Mac"),
        pytest.param("\n".join(json.dumps(row, indent=2) for row in ROWS), id="objects over lines"),
        pytest.param("\n".join(json.dumps([row], indent=2) for row in ROWS), id="arrays one after another"),
        pytest.param(
            json.dumps({"version": "1", "about": {"n": [1]}, "data": ROWS}, indent=1), id="array in an object"
        ),
    ],
)
def test_the_same_rows_come_back_however_they_are_written(tmp_path: Path, name: str, content: str) -> None:
    table = read_file(write(tmp_path / name, content))

    assert cells(table) == ROWS
    assert table.columns == ("text", "label")
    assert faults(table) == []


def test_packed_lines_are_read(tmp_path: Path) -> None:
    assert cells(read_file(write(tmp_path / "a.jsonl.gz", gzip.compress(LINES.encode())))) == ROWS


def test_one_object_with_a_list_of_objects_is_a_row_of_a_file_of_lines(tmp_path: Path) -> None:
    row = {"text": "Habari", "label": "health", "spans": [{"start": 0}]}

    assert cells(read_file(write(tmp_path / "a.jsonl", json.dumps(row)))) == [row]


def test_what_follows_an_array_is_counted(tmp_path: Path) -> None:
    table = read_file(write(tmp_path / "a.json", f"{json.dumps(ROWS, indent=2)}\nand so on"))

    assert cells(table) == ROWS
    assert [fault for _, fault in faults(table)] == ["broken JSON"]


def test_a_broken_element_of_an_array_costs_itself_alone(tmp_path: Path) -> None:
    content = b'[\n{"text": "a"},\n5,\n{"text": "b" "label"},\n{"text": "\xff"},\n{"text": "c"},\n{"text": "cut o'

    table = read_file(write(tmp_path / "a.json", content))

    assert cells(table) == [{"text": "a"}, {"text": "c"}]
    assert faults(table) == [
        (3, "not a JSON object"),
        (4, "broken JSON"),
        (5, "bytes that are not UTF-8"),
        (7, "broken JSON"),
    ]


def test_a_broken_line_costs_itself_alone(tmp_path: Path) -> None:
    content = b'{"text": "a"}\n{"text": "\xff"}\n{"text": \0}\n[]\n{"text": "b", "text": "c"}\n{"text": "d"'

    table = read_file(write(tmp_path / "a.jsonl", content))

    assert cells(table) == [{"text": "a"}]
    assert faults(table) == [
        (2, "bytes that are not UTF-8"),
        (3, "a NUL character"),
        (4, "not a JSON object"),
        (5, "two values of one name"),
        (6, "broken JSON"),
    ]


def test_no_number_is_an_empty_cell(tmp_path: Path) -> None:
    assert cells(read_file(write(tmp_path / "a.jsonl", '{"text": "a", "label": NaN}'))) == [
        {"text": "a", "label": None}
    ]


def test_several_lists_of_objects_are_refused_by_name(tmp_path: Path) -> None:
    file = write(tmp_path / "a.json", json.dumps({"train": ROWS, "test": ROWS}))

    with pytest.raises(DatasetError, match=r"a\.json holds several lists, 'train', 'test': save each in a file"):
        read_file(file)
