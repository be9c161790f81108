"""Reading tables: every accepted format, and every way in which a file can be wrong."""

import gzip
import json
import sys
from pathlib import Path

import pytest

from mfpt_edge.data.columns import Columns
from mfpt_edge.data.example import Example
from mfpt_edge.data.sources import load_dataset, load_split
from mfpt_shared.backbones.hub import data_name
from mfpt_shared.errors import DatasetError, NotInstalled, UsageError
from support.systems import IS_ROOT, has_modes
from support.tables import LABELS, SWAHILI, load, read, write

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
        ("tabs.csv", "text\tlabel\nHabari, dunia\thealth\nMpira\tsport\n"),
        ("commas.tsv", 'text,label\n"Habari, dunia",health\nMpira,sport\n'),
        ("columns.txt", "text;label\nHabari, dunia;health\nMpira;sport\n"),
        ("unicode-text.csv", "text\tlabel\r\nHabari, dunia\thealth\r\nMpira\tsport\r\n".encode("utf-16")),
        ("packed.csv.gz", gzip.compress(b'text,label\n"Habari, dunia",health\nMpira,sport\n')),
        ("array.json", '[{"text": "Habari, dunia", "label": "health"}, {"text": "Mpira", "label": "sport"}]'),
        ("category.tsv", "category\tsentence\nhealth\tHabari, dunia\nsport\tMpira\n"),
        ("headline.tsv", "category\theadline\nhealth\tHabari, dunia\nsport\tMpira\n"),
        ("both.tsv", "text\theadline\tlabel\tcategory\ndunia\tHabari,\thealth\t-\nMpira\t\tsport\t-\n"),
    ],
)
def test_reads(tmp_path: Path, name: str, content: str | bytes) -> None:
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


def test_reads_parquet_with_columns_that_are_not_text(tmp_path: Path) -> None:
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


# ---- errors


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", "a.csv is empty"),
        ("a.csv", "\ufeff \n", "a.csv is empty"),
        ("a.csv", b"text,label\n\xff,health\n", r"no row can be used \(1 x bytes that are not UTF-8\)"),
        ("a.csv", b"texte,\xe9tiquette\nx,sant\xe9\n", r"not UTF-8 but probably Windows-1252 .*: save it as UTF-8"),
        ("a.csv", b"t\0e\0x\0t\0,\0l\0", "no text, or UTF-16 without its mark: save it as UTF-8"),
        (
            "a.csv",
            "body,label\nx,health\n",
            r"no text column text or sentence or headline or tweet or data; it has 'body', 'label'.*--text-col",
        ),
        (
            "a.csv",
            "text,topic\nx,health\n",
            r"no label column label or category or labels; it has 'text', 'topic'.*--label-column",
        ),
        ("a.csv", "maneno;aina\nx;health\n", r"it has 'maneno', 'aina' \(cells between semicolons\): name one with"),
        ("a.csv", '"text,label\nx,health\n', r"a.csv, line 1: a quotation mark .* not closed"),
        ("a.csv", "text,label\n", r"no row can be used \(the source has no rows\)"),
        (
            "a.csv",
            "text,label\nx,weather\n,health\n",
            r"\(1 x label not in the plan: 'weather', 1 x empty text\)\n.*'weather', 'health'; the plan's",
        ),
        ("a.jsonl", "nothing\n[]\n", "none of its 2 lines is a JSON object"),
        ("a.conll", "text,label\n", r"not a data file .*: its name must end in \.csv.* --kind tagging"),
        ("a.txt", "Habari za asubuhi\nMpira\n", r"no table: its first line must name columns"),
        ("a.txt", "Mtoto NOUN\nanacheza VERB\nsana NOUN\n. NOUN\n", r"tagged words \(CoNLL\).*--kind tagging"),
        ("a.parquet", "PAR1", "not a readable Parquet file"),
        ("a.XLSX", b"PK\x03\x04", r"is a spreadsheet: save the sheet as CSV in UTF-8 \(in Excel"),
        ("a.ods", b"PK\x03\x04", r"is a spreadsheet: save the sheet as CSV in UTF-8"),
        ("a.csv", b"PK\x03\x04", r"is a ZIP archive or a spreadsheet"),
        ("a.pdf", b"%PDF-1.7", r"is a document: save its table as CSV"),
        ("a.csv.zip", b"PK\x03\x04", r"is packed: unpack it, or pack it with gzip"),
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


@has_modes
@pytest.mark.skipif(IS_ROOT, reason="root may read everything")
def test_a_file_without_permission_says_so(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "text,label\nx,health\n")
    file.chmod(0)

    with pytest.raises(DatasetError, match="Permission denied"):
        load(file)


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
    assert data_name(source) == parsed


@pytest.mark.parametrize("source", ["hf:", "hf:/", "hf:a//b", "hf:a/b/c/d", "hf:a/", "hf: a", "hf:/home/me/data"])
def test_a_malformed_hub_source_is_a_usage_error(source: str) -> None:
    with pytest.raises(UsageError, match="write hf:name, hf:org/name or hf:org/name/config"):
        load_dataset(source, SWAHILI, LABELS)


def test_an_evaluation_offers_only_what_it_can_read(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"none\.csv: no such file$"):
        load_split(tmp_path / "none.csv", LABELS)
    with pytest.raises(DatasetError, match=r"is a folder: give a file in it$"):
        load_split(tmp_path, LABELS)
    with pytest.raises(DatasetError, match="no such file or folder; give one, or 'cldr', or 'hf:org/name'"):
        load_dataset(str(tmp_path / "none.csv"), SWAHILI, LABELS)


@pytest.mark.parametrize(
    ("source", "module", "message"),
    [
        ("hf:org/name", "datasets", r"hf:org/name needs the datasets library: pip install 'mfpt\[data\]'"),
        ("a.parquet", "pyarrow", r"Parquet files need pyarrow: pip install 'mfpt\[data\]'"),
        ("cldr", "babel", r"needs Babel: pip install 'mfpt\[edge\]'"),
    ],
)
def test_a_missing_library_is_named_with_the_extra_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, module: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.parquet", "")
    monkeypatch.setitem(sys.modules, module, None)  # Python's own way to say that a module cannot be imported

    with pytest.raises(NotInstalled, match=message):
        load_dataset(source, SWAHILI, LABELS)
