"""Reading data sets: every accepted format, every way in which a file can be wrong, and the splits."""

import json
import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from mfpt_edge.data.cldr import CLDR_LABELS
from mfpt_edge.data.example import Example
from mfpt_edge.data.sources import Columns, Dataset, describe, load_dataset, load_split, match_labels
from mfpt_edge.data.tables import parse_hub_source
from mfpt_shared.errors import DatasetError, NotInstalled, UsageError
from mfpt_shared.languages import LanguageCode

SWAHILI = LanguageCode("swh")
LABELS = ("health", "sport")
SAMPLES = Path(__file__).parents[4] / "shared" / "data"

needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample data sets are not beside the repository")


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows(count: int, start: int = 0) -> str:
    return "".join(f"sentence {n}\t{LABELS[n % 2]}\n" for n in range(start, start + count))


def read(path: Path, columns: Columns | None = None) -> list[tuple[str, str]]:
    split = load_split(path, LABELS, columns or Columns())
    return [(example.text, LABELS[example.label]) for example in split.examples]


def load(source: Path, max_examples: int | None = None) -> Dataset:
    return load_dataset(str(source), SWAHILI, LABELS, max_examples=max_examples)


def texts(examples: tuple[Example, ...]) -> set[str]:
    return {example.text for example in examples}


# ---- formats

EXPECTED = [("Habari, dunia", "health"), ("Mpira", "sport")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'text,label\n"Habari, dunia",health\nMpira,sport\n'),
        ("semicolons.csv", "text;label\nHabari, dunia;health\nMpira;sport\n"),
        ("a.tsv", "text\tlabel\nHabari, dunia\thealth\nMpira\tsport\n"),
        ("upper.TSV", "Text\tLabel\nHabari, dunia\thealth\nMpira\tsport"),
        ("bom.csv", '\ufefftext,label\n"Habari, dunia",health\nMpira,sport\n'),
        ("crlf.csv", 'text,label\r\n"Habari, dunia",health\r\n\r\nMpira,sport\r\n'),
        ("a.jsonl", '{"text": "Habari, dunia", "label": "health"}\n\n{"label": "sport", "text": " Mpira "}'),
        ("category.tsv", "category\tsentence\nhealth\tHabari, dunia\nsport\tMpira\n"),
        ("headline.tsv", "category\theadline\nhealth\tHabari, dunia\nsport\tMpira\n"),
        ("both.tsv", "text\theadline\tlabel\tcategory\ndunia\tHabari,\thealth\t-\nMpira\t\tsport\t-\n"),
    ],
)
def test_reads(tmp_path: Path, name: str, content: str) -> None:
    assert read(write(tmp_path / name, content)) == EXPECTED


def test_named_columns_win_over_the_usual_ones(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", 'text,label,maneno,aina\nx,y,"Habari, dunia",health\nx,y,Mpira,sport\n')

    assert read(file, Columns(text="maneno", label="aina")) == EXPECTED


def test_quoted_line_breaks_and_quotes_stay_in_a_tsv_field(tmp_path: Path) -> None:
    file = write(tmp_path / "a.tsv", 'text\tlabel\n"one\n\n""two""\tthree"\thealth\n')

    assert read(file) == [('one\n\n"two"\tthree', "health")]


def test_a_tsv_that_quotes_nothing_keeps_its_quotation_marks(tmp_path: Path) -> None:
    file = write(tmp_path / "a.tsv", 'text\tlabel\n"Sasa" alisema\thealth\n"Mpira\tsport\n')

    assert read(file) == [('"Sasa" alisema', "health"), ('"Mpira', "sport")]


def test_a_field_may_be_long(tmp_path: Path) -> None:
    text = "a" * 300_000

    assert read(write(tmp_path / "a.csv", f"text,label\n{text},health\n")) == [(text, "health")]


def test_json_lines_may_hold_unicode_line_separators(tmp_path: Path) -> None:
    assert read(write(tmp_path / "a.jsonl", '{"text": "a\u2028b", "label": "sport"}\n')) == [("a\u2028b", "sport")]


def test_reads_parquet_with_columns_that_are_no_text(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    columns = {
        "text": ["Habari, dunia", "Mpira", None],
        "label": ["health", "sport", "sport"],
        "vector": [[1], [2], [3]],
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")

    split = load_split(tmp_path / "a.parquet", LABELS)

    assert split.examples == (Example("Habari, dunia", 0), Example("Mpira", 1))
    assert split.skipped == {"empty text": 1}


def test_class_indices_of_a_hub_file_mean_its_own_names_not_the_order_of_the_plan(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    feature = {"names": ["sport", "health"], "_type": "ClassLabel"}
    note = {"huggingface": json.dumps({"info": {"features": {"label": feature, "text": {"_type": "Value"}}}})}
    table = pa.table({"text": ["Mpira", "Dawa", "?"], "label": [0, 1, -1]}).replace_schema_metadata(note)
    pq.write_table(table, tmp_path / "a.parquet")

    split = load_split(tmp_path / "a.parquet", LABELS)

    assert split.examples == (Example("Mpira", 1), Example("Dawa", 0))
    assert split.skipped == {"empty label": 1}


# ---- labels


@pytest.mark.parametrize(
    ("found", "plan", "matched"),
    [
        (["health", "other"], LABELS, {"health": 0}),
        (["HEALTH", "Sport"], LABELS, {"HEALTH": 0, "Sport": 1}),
        (["0", "1"], LABELS, {"0": 0, "1": 1}),
        (["0", "1", "2"], LABELS, {}),
        (["0", "1", "health"], LABELS, {"health": 0}),
        (["1", "2"], ("1", "2", "3"), {"1": 0, "2": 1}),
        (["us", "US", "Us"], ("US", "us"), {"US": 0, "us": 1}),
        (["٠", "1"], LABELS, {}),
    ],
)
def test_labels_match_exactly_then_in_any_case_and_else_as_indices(
    found: list[str], plan: tuple[str, ...], matched: dict[str, int]
) -> None:
    assert match_labels(found, plan) == matched


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
        '{"text": ["a list"], "label": "health"}',
        '{"text": "half a pair \\ud800", "label": "health"}',
        "[" * 100_000,
        '{"text": "  ", "label": "health"}',
        '{"text": null, "label": "health"}',
        '{"text": "x", "label": ""}',
        '{"text": "x", "label": "weather"}',
    ]

    split = load_split(write(tmp_path / "a.jsonl", "\n".join(lines)), LABELS)

    assert split.examples == (Example("good", 0),)
    assert split.skipped == {"broken row": 6, "empty text": 2, "empty label": 1, "label not in the plan": 1}


def test_rows_with_too_few_or_too_many_fields_are_broken(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "text,label\ngood,health\nlonely\nHabari, dunia,health\nfine,sport,,\n")

    split = load_split(file, LABELS)

    assert [example.text for example in split.examples] == ["good", "fine"]
    assert split.skipped == {"broken row": 2}


def test_skipped_rows_of_all_splits_add_up(tmp_path: Path) -> None:
    for name in ("train", "dev", "test"):
        write(tmp_path / f"{name}.tsv", f"text\tlabel\n{name}\thealth\n\thealth\n")

    assert load(tmp_path).skipped == {"empty text": 3}


# ---- errors


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", "a.csv is empty"),
        ("a.csv", "\ufeff \n", "a.csv is empty"),
        ("a.csv", b"text,label\n\xff,health\n", "byte 11 is not UTF-8; save the file as UTF-8"),
        ("a.csv", b"\xff\xfet\0e\0", "byte 0 is not UTF-8"),
        (
            "a.csv",
            "body,label\nx,health\n",
            r"no text column text or sentence or headline; it has 'body', 'label'.*--text-col",
        ),
        (
            "a.csv",
            "text,topic\nx,health\n",
            r"no label column label or category; it has 'text', 'topic'.*--label-column",
        ),
        ("a.csv", 'text,label\nx,health\n"y,sport\n', r"a.csv, line 3: .*quote"),
        ("a.csv", "text,label\n", r"no row can be used \(there is none\)"),
        (
            "a.csv",
            "text,label\nx,weather\n,health\n",
            r"plan 1, empty text 1\)\n.*'weather', 'health'; the plan's labels: 'health'",
        ),
        ("a.jsonl", "nothing\n[]\n", "none of its 2 lines is a JSON object"),
        ("a.txt", "text,label\n", r"not a data file; the name must end in \.csv"),
        ("a.parquet", "PAR1", "not a readable Parquet file"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        load(write(tmp_path / name, content))


@pytest.mark.parametrize("columns", [Columns(text="maneno"), Columns(label="maneno")])
def test_a_named_column_that_is_missing_says_so(tmp_path: Path, columns: Columns) -> None:
    file = write(tmp_path / "a.csv", "text,label\nx,health\n")

    with pytest.raises(DatasetError, match=r"a\.csv: no (text|label) column 'maneno'; it has 'text', 'label'"):
        load_split(file, LABELS, columns)


def test_at_most_five_unknown_labels_are_listed(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "text,label\n" + "".join(f"x,topic {n}\n" for n in range(9)))

    with pytest.raises(DatasetError, match="'topic 4', and 4 more; the plan's"):
        load(file)


@pytest.mark.parametrize("source", ["nowhere", "nowhere.csv", "a\0b.csv", ""])
def test_a_source_that_is_not_there_is_a_data_set_error(source: str) -> None:
    with pytest.raises(DatasetError):
        load_dataset(source, SWAHILI, LABELS)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_says_so(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "text,label\nx,health\n")
    file.chmod(0)

    with pytest.raises(DatasetError, match="Permission denied"):
        load(file)


# ---- splits


def test_one_file_is_split_80_10_10(tmp_path: Path) -> None:
    dataset = load(write(tmp_path / "a.tsv", "text\tlabel\n" + rows(2000)))

    assert 1500 < len(dataset.train) < 1700
    assert 150 < len(dataset.validation) < 250
    assert 150 < len(dataset.test) < 250


def test_more_rows_move_no_text_to_another_split(tmp_path: Path) -> None:
    few = load(write(tmp_path / "few.tsv", "text\tlabel\n" + rows(200)))
    many = load(write(tmp_path / "many.tsv", "text\tlabel\n" + rows(400)))

    assert texts(few.train) <= texts(many.train)
    assert texts(few.validation) <= texts(many.validation)
    assert texts(few.test) <= texts(many.test)


@pytest.mark.parametrize("validation", ["dev", "valid", "validation", "Dev"])
def test_a_folder_keeps_its_splits(tmp_path: Path, validation: str) -> None:
    write(tmp_path / "train.tsv", "text\tlabel\n" + rows(50))
    write(tmp_path / f"{validation}.csv", "text,label\nv,health\n")
    write(tmp_path / "test.jsonl", '{"text": "t", "label": "sport"}')
    write(tmp_path / "labels.txt", "health\nsport\n")

    dataset = load(tmp_path)

    assert len(dataset.train) == 50
    assert dataset.validation == (Example("v", 0),)
    assert dataset.test == (Example("t", 1),)


def test_a_split_that_a_folder_lacks_is_split_off_its_training_rows(tmp_path: Path) -> None:
    write(tmp_path / "train.tsv", "text\tlabel\n" + rows(500))
    write(tmp_path / "test.tsv", "text\tlabel\nt\thealth\n")

    dataset = load(tmp_path)

    assert dataset.test == (Example("t", 0),)
    assert 25 < len(dataset.validation) < 75
    assert len(dataset.train) + len(dataset.validation) == 500


def test_texts_of_the_test_split_are_dropped_from_the_others(tmp_path: Path) -> None:
    write(tmp_path / "train.tsv", "text\tlabel\none\thealth\nTwo  words\thealth\nthree\tsport\n")
    write(tmp_path / "dev.tsv", "text\tlabel\nthree\tsport\nfour\tsport\n")
    write(tmp_path / "test.tsv", "text\tlabel\ntwo words\thealth\nfour\tsport\n")

    dataset = load(tmp_path)

    assert texts(dataset.train) == {"one"}
    assert texts(dataset.validation) == {"three"}
    assert texts(dataset.test) == {"two words", "four"}
    assert dataset.skipped == {"text also in another split": 3}


def test_a_folder_without_training_rows_names_what_it_holds(tmp_path: Path) -> None:
    write(tmp_path / "test.tsv", "text\tlabel\nx\thealth\n")

    with pytest.raises(DatasetError, match=r"no training file \(train\.csv, .*it holds 'test\.tsv'"):
        load(tmp_path)


def test_two_files_for_one_split_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "dev.tsv", "")
    write(tmp_path / "valid.csv", "")

    with pytest.raises(DatasetError, match=r"both dev\.tsv and valid\.csv claim to be the validation split"):
        load(tmp_path)


# ---- the limit


def test_the_limit_keeps_the_shares_of_the_labels_and_leaves_the_test_split(tmp_path: Path) -> None:
    health = "".join(f"h{n}\thealth\n" for n in range(900))
    file = write(tmp_path / "a.tsv", "text\tlabel\n" + health + "".join(f"s{n}\tsport\n" for n in range(100)))

    everything, some = load(file), load(file, 100)

    assert len(some.train) == 100
    assert 8 <= sum(example.label for example in some.train) <= 13
    assert (some.validation, some.test) == (everything.validation, everything.test)


def test_every_label_is_there_before_any_takes_a_second_place(tmp_path: Path) -> None:
    write(tmp_path / "train.tsv", "text\tlabel\n" + "".join(f"h{n}\thealth\n" for n in range(99)) + "s\tsport\n")
    write(tmp_path / "dev.tsv", "text\tlabel\nv\thealth\n")
    write(tmp_path / "test.tsv", "text\tlabel\nt\thealth\n")

    assert {example.label for example in load(tmp_path, 2).train} == {0, 1}


def test_a_smaller_limit_keeps_a_part_of_what_a_larger_one_keeps(tmp_path: Path) -> None:
    file = write(tmp_path / "a.tsv", "text\tlabel\n" + rows(300))

    assert texts(load(file, 20).train) < texts(load(file, 50).train)
    assert load(file, 10_000) == load(file)


def test_languages_keep_different_rows_of_the_same_file(tmp_path: Path) -> None:
    file = str(write(tmp_path / "a.tsv", "text\tlabel\n" + rows(300)))
    swahili = load_dataset(file, SWAHILI, LABELS, max_examples=50)
    zulu = load_dataset(file, LanguageCode("zul"), LABELS, max_examples=50)

    assert len(texts(swahili.train) & texts(zulu.train)) < 25


def test_a_limit_below_one_makes_no_sense(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        load(tmp_path, 0)


# ---- the hub


@pytest.mark.parametrize(
    ("source", "parsed"),
    [
        ("hf:imdb", ("imdb", None)),
        ("hf:Davlan/sib200", ("Davlan/sib200", None)),
        ("hf:Davlan/sib200/swh_Latn", ("Davlan/sib200", "swh_Latn")),
    ],
)
def test_a_hub_source_is_a_name_with_or_without_a_configuration(source: str, parsed: tuple[str, str | None]) -> None:
    assert parse_hub_source(source) == parsed


@pytest.mark.parametrize("source", ["hf:", "hf:/", "hf:a//b", "hf:a/b/c/d", "hf:a/", "hf: a", "hf:/home/me/data"])
def test_a_malformed_hub_source_is_a_usage_error(source: str) -> None:
    with pytest.raises(UsageError, match="write hf:name, hf:org/name or hf:org/name/config"):
        load_dataset(source, SWAHILI, LABELS)


@pytest.mark.parametrize(
    ("source", "module", "message"),
    [
        ("hf:org/name", "datasets", r"hf:org/name needs the datasets library: pip install 'mfpt\[data\]'"),
        ("a.parquet", "pyarrow", r"Parquet files need pyarrow: pip install 'mfpt\[data\]'"),
        ("cldr", "babel", r"needs Babel: pip install 'mfpt\[edge\]'"),
    ],
)
def test_a_missing_library_is_named_with_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch, source: str, module: str, message: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # Python's own way to say that a module cannot be imported

    with pytest.raises(NotInstalled, match=message):
        load_dataset(source, SWAHILI, LABELS)


# ---- the summary


def test_a_summary_counts_every_label_and_shows_different_ones(tmp_path: Path) -> None:
    write(tmp_path / "train.tsv", "text\tlabel\na\thealth\nb\thealth\nc\thealth\nd\tsport\n\tsport\n")
    write(tmp_path / "dev.tsv", "text\tlabel\nv\thealth\n")
    write(tmp_path / "test.tsv", "text\tlabel\nt\tsport\n")

    summary = describe(load(tmp_path), LABELS)

    assert summary.counts == {
        "train": {"health": 3, "sport": 1},
        "validation": {"health": 1, "sport": 0},
        "test": {"health": 0, "sport": 1},
    }
    assert summary.skipped == {"empty text": 1}
    assert summary.samples == (("health", "a"), ("sport", "d"), ("health", "b"))


# ---- public data sets


@needs_samples
def test_sib200_keeps_its_published_splits() -> None:
    folder = SAMPLES / "sib200" / "swh_Latn"
    labels = tuple((folder / "labels.txt").read_text(encoding="utf-8").split("\n")[:7])

    dataset = load_dataset(str(folder), SWAHILI, labels)

    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (701, 99, 204)
    assert Counter(example.label for example in dataset.test).keys() == set(range(7))
    assert dataset.skipped == {}


@needs_samples
def test_masakhanews_fields_with_quoted_line_breaks_are_whole() -> None:
    folder = SAMPLES / "masakhanews" / "xho"
    labels = ("business", "entertainment", "health", "politics", "sports")

    dataset = load_dataset(str(folder), LanguageCode("xho"), labels)

    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (1032, 147, 297)
    assert dataset.train[0].text.startswith("Iinguqu kwiRadio 2000! Isikhululo seSABC")
    assert "\n" in dataset.train[0].text
    assert dataset.skipped == {}


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


@pytest.mark.parametrize("cell", ["", "null", "[1]", "true"])
def test_a_row_without_a_usable_index_id_is_used_all_the_same(tmp_path: Path, cell: str) -> None:
    index = f'"index_id": {cell}, ' if cell else ""
    content = f'{{{index}"text": "Habari", "label": "health"}}\n'
    (example,) = load_split(write(tmp_path / "test.jsonl", content), LABELS).examples
    assert (example.text, example.key) == ("Habari", "")


def test_names_have_the_key_of_what_they_name() -> None:
    dataset = load_dataset("cldr", SWAHILI, CLDR_LABELS)
    keys = [example.key for example in (*dataset.train, *dataset.validation, *dataset.test)]
    assert all(keys)
    assert "country/FR" in keys
