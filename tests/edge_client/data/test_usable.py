"""From rows to examples: which labels match, and which rows cannot be used."""

from pathlib import Path

import pytest

from mfpt_edge.data.cldr import CLDR_LABELS
from mfpt_edge.data.example import Example
from mfpt_edge.data.place import Place
from mfpt_edge.data.sources import load_dataset, load_split
from mfpt_shared.errors import DatasetError
from mfpt_shared.separated.rows import TOO_MANY
from support.tables import LABELS, SWAHILI, load, write


def test_indices_are_judged_over_all_splits(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", "text,label\na,0\nb,1\n")
    write(tmp_path / "test.csv", "text,label\nc,health\n")

    with pytest.raises(DatasetError, match="no example is left to train on"):
        load(tmp_path)


# ---- rows that cannot be used


def test_rows_that_cannot_be_used_are_counted_by_reason(tmp_path: Path) -> None:
    lines = [
        '{"text": "good", "label": "health"}',
        '{"text": "no label"}',
        '{"text": "cut off',
        "[1, 2]",
        '{"text": ["a", "list"], "label": "health"}',
        '{"text": "half a pair \\ud800", "label": "health"}',
        "[" * 100_000,
        '{"text": "  ", "label": "health"}',
        '{"text": null, "label": "health"}',
        '{"text": "x", "label": ""}',
        '{"text": "x", "label": "weather"}',
    ]

    split = load_split(write(tmp_path / "a.jsonl", "\n".join(lines)), LABELS)

    assert split.examples == (Example("good", 0),)
    assert split.skipped == {
        "empty label": 2,
        "broken JSON": 2,
        "not a JSON object": 1,
        "'text' holds a list of 2": 1,
        "'text' holds half a character": 1,
        "empty text": 2,
        "label not in the plan: 'weather'": 1,
    }


def test_cells_that_are_missing_are_empty_and_a_row_with_too_many_says_so(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "text,label\ngood,health\nlonely\nHabari, dunia,health\nfine,sport,,\n")

    split = load_split(file, LABELS)

    assert [example.text for example in split.examples] == ["good", "fine"]
    assert split.skipped == {"empty label": 1, TOO_MANY: 1}


def test_skipped_rows_of_all_splits_add_up(tmp_path: Path) -> None:
    for name in ("train", "dev", "test"):
        write(tmp_path / f"{name}.tsv", f"text\tlabel\n{name}\thealth\n\thealth\n")

    assert load(tmp_path).skipped == {"empty text": 3}


# ---- what tells translations


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("train.csv", "index_id,text,label\n7,Habari,health\n12,Mpira,sport\n"),
        ("train.tsv", "index_id\tcategory\ttext\n7\thealth\tHabari\n12\tsport\tMpira\n"),
        (
            "train.jsonl",
            '{"index_id": 7, "text": "Habari", "label": "health"}\n'
            '{"index_id": "12", "text": "Mpira", "label": "sport"}\n',
        ),
    ],
)
def test_an_index_id_tells_which_sentences_are_translations(tmp_path: Path, name: str, content: str) -> None:
    (example, other) = load_split(write(tmp_path / name, content), LABELS).examples
    assert (example.key, other.key) == ("7", "12")
    assert (example.text, other.text) == ("Habari", "Mpira")


@pytest.mark.parametrize("cell", ["", "null", "[1, 2]", "true"])
def test_a_row_without_a_usable_index_id_is_used_all_the_same(tmp_path: Path, cell: str) -> None:
    index = f'"index_id": {cell}, ' if cell else ""
    content = f'{{{index}"text": "Habari", "label": "health"}}\n'
    (example,) = load_split(write(tmp_path / "test.jsonl", content), LABELS).examples
    assert (example.text, example.key) == ("Habari", "")


def test_names_have_the_key_of_what_they_name() -> None:
    dataset = load_dataset("cldr", SWAHILI, CLDR_LABELS)
    keys = [example.key for example in (*dataset.train, *dataset.test)]
    assert all(keys)
    assert "country/FR" in keys


@pytest.mark.parametrize(
    ("name", "content", "row"),
    [
        ("a.csv", 'text,label\n"two\n\nlines",health\n\n,sport\n', 6),
        ("a.tsv", "text\tlabel\ngood\thealth\n\tsport\n", 3),
        ("a.tsv", 'text\tlabel\n"good\thealth\n\tsport\n', 3),
        ("a.jsonl", '{"text": "good", "label": "health"}\n\n{"text": "", "label": "sport"}\n', 3),
    ],
)
def test_a_skipped_row_is_known_by_file_and_line(tmp_path: Path, name: str, content: str, row: int) -> None:
    file = write(tmp_path / name, content)

    (skipped,) = load_split(file, LABELS).skipped_rows

    assert skipped.place == Place(str(file), row)
    assert str(skipped.place) == f"{file}, row {row}"
    assert skipped.reason == "empty text"


def test_a_row_that_another_split_holds_too_is_known_by_its_place(tmp_path: Path) -> None:
    write(tmp_path / "train.tsv", "text\tlabel\none\thealth\ntwo\tsport\n")
    write(tmp_path / "dev.tsv", "text\tlabel\nthree\tsport\n")
    write(tmp_path / "test.tsv", "text\tlabel\ntwo\tsport\n")

    (skipped,) = load(tmp_path).skipped_rows

    assert skipped.place == Place(str(tmp_path / "train.tsv"), 3)
