"""Sentences with tagged words from tables of lists, and what becomes of whole data sets of them."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from mfpt_edge.data.columns import Columns
from mfpt_edge.data.example import Example
from mfpt_edge.data.sources import Dataset, Loaded, load_dataset, load_split
from mfpt_edge.data.summary import describe
from mfpt_shared.errors import DatasetError
from support.tables import SWAHILI, write

LABELS = ("O", "B-PER", "I-PER")
NAMES = ["I-PER", "O", "B-PER"]  # the order of a data set of its own
WORDS, TAGS = ("Amina", "anacheza"), (1, 0)
CLASSES = {"names": NAMES, "_type": "ClassLabel"}


def loaded(file: Path, columns: Columns | None = None) -> Loaded:
    return load_split(file, LABELS, columns, kind="tagging")


def sentence(tokens: object = WORDS, tags: object = ("B-PER", "O")) -> str:
    return json.dumps({"tokens": tokens, "ner_tags": tags})


def parquet(file: Path, tags: Sequence[object], feature: object) -> Path:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    about = json.dumps({"info": {"features": {"ner_tags": feature}}})
    table = pa.table({"tokens": [list(WORDS)], "ner_tags": [tags], "vector": [[0.5]]})
    pq.write_table(table.replace_schema_metadata({"huggingface": about}), file)
    return file


@pytest.mark.parametrize(("words", "tags"), [("tokens", "tags"), ("words", "pos_tags"), ("Tokens", "UPOS")])
def test_lists_are_found_in_their_usual_columns(tmp_path: Path, words: str, tags: str) -> None:
    row = json.dumps({words: WORDS, tags: ["B-PER", "O"]})
    assert loaded(write(tmp_path / "a.jsonl", row)).examples == (Example("Amina anacheza", words=WORDS, tags=TAGS),)


def test_columns_of_lists_can_be_named(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", json.dumps({"maneno": WORDS, "aina": ["B-PER", "O"]}))
    with pytest.raises(DatasetError, match="--text-column"):
        loaded(file)
    assert loaded(file, Columns("maneno", "aina")).examples[0].tags == TAGS


@pytest.mark.parametrize(
    "feature",
    [
        {"feature": CLASSES, "_type": "List"},
        {"feature": CLASSES, "_type": "Sequence", "length": -1},
        [CLASSES],
    ],
)
def test_indices_count_the_data_sets_own_names(tmp_path: Path, feature: object) -> None:
    assert loaded(parquet(tmp_path / "a.parquet", [2, 1], feature)).examples[0].tags == TAGS


def test_names_in_parquet_are_labels(tmp_path: Path) -> None:
    assert loaded(parquet(tmp_path / "a.parquet", ["B-PER", "O"], {})).examples[0].tags == TAGS


def test_an_index_that_says_there_is_no_label_leaves_its_word_without_one(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="1 x word without a tag"):
        loaded(parquet(tmp_path / "a.parquet", [2, -1], [CLASSES]))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (sentence(tags=["O"]), "not as many labels as words"),
        (sentence([], []), "empty text"),
        (sentence(["Amina", " "]), "empty word"),
        (sentence(["Amina", None]), "empty word"),
        (sentence(tags=["O", ""]), "word without a tag"),
        (sentence(tags=["O", "B-LOC"]), "label not in the plan: 'B-LOC'"),
        (sentence("Amina anacheza"), "'tokens' holds no list"),
        (sentence(["Amina", {}]), "'tokens' holds a list with an object in it"),
        (sentence(["Amina", "\ud800"]), "'tokens' holds a list with half a character in it"),
        (json.dumps({"tokens": WORDS}), "'ner_tags' holds no list"),
        ("[]", "not a JSON object"),
        (sentence(["w"] * 1001, ["O"] * 1001), "more than 1000 words"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(tmp_path: Path, row: str, reason: str) -> None:
    split = loaded(write(tmp_path / "a.jsonl", f"{sentence()}\n{row}\n{sentence()}"))
    assert [(one.place.row, one.reason) for one in split.skipped_rows] == [(2, reason)]
    assert len(split.examples) == 2


def treebank(folder: Path) -> Dataset:
    def block(first: int, count: int) -> str:
        return "".join(f"Amina\tB-PER\nana{number}\tO\n\n" for number in range(first, first + count))

    for split, text in (("train", block(0, 40)), ("dev", block(40, 9) + "Ali\nana\tO\n"), ("test", block(39, 5))):
        write(folder / f"sw_x-ud-{split}.conllu", text)
    return load_dataset(str(folder), SWAHILI, LABELS, kind="tagging")


def test_a_folder_of_sentences_keeps_its_test_and_no_sentence_is_in_both(tmp_path: Path) -> None:
    dataset = treebank(tmp_path)
    assert (len(dataset.train), len(dataset.test)) == (44, 5)
    assert dataset.skipped == {"word without a tag": 1, "text also in another split": 5}


def test_a_summary_counts_words_by_label_and_sentences(tmp_path: Path) -> None:
    summary = describe(treebank(tmp_path), LABELS)
    assert summary.counts["test"] == {"O": 5, "B-PER": 5, "I-PER": 0}
    assert summary.sentences == {"train": 44, "test": 5}
    assert summary.longest == {"train": 2, "test": 2}
    assert summary.samples[0] == ("2 words", "Amina/B-PER ana0/O")


def test_a_limit_keeps_the_same_sentences_every_time(tmp_path: Path) -> None:
    file = write(tmp_path / "a.conll", "".join(f"Amina B-PER\nana{number} O\n\n" for number in range(99)))
    few, more = (load_dataset(str(file), SWAHILI, LABELS, kind="tagging", max_examples=limit) for limit in (9, 20))
    assert set(few.train) < set(more.train)
    assert (len(few.train), len(more.train)) == (9, 20)
