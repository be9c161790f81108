"""What a writer has written comes back, in whatever dialect; what it has damaged is counted, and costs nothing else."""

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from mfpt_edge.data.readers import read_file
from mfpt_edge.data.sources import load_split
from mfpt_edge.data.table import Table
from mfpt_shared.errors import DatasetError
from support.dialects import LABELS, Written, damaged_tables, tables

SUFFIXES = st.sampled_from([".csv", ".tsv", ".txt", ".json", ".jsonl", ".conll"])


def read(written: Written) -> Table:
    with tempfile.TemporaryDirectory() as folder:
        return read_file(written.dialect.write(Path(folder), written.header, written.lines))


def good_rows(table: Table) -> list[tuple[str, ...]]:
    return [tuple(map(str, record.cells.values())) for record in table.records if record.cells is not None]


@given(tables())
@settings(max_examples=40)
def test_every_row_comes_back_equal_in_every_dialect(written: Written) -> None:
    table = read(written)

    assert table.columns == written.header
    assert good_rows(table) == written.rows
    assert len(table.records) == len(written.rows)


@given(damaged_tables())
@settings(max_examples=60)
def test_damage_costs_the_damaged_rows_alone_and_every_row_is_counted(written: Written) -> None:
    table = read(written)

    lost = Counter(written.whole) - Counter(good_rows(table))
    assert not lost
    assert len(table.records) == len(written.rows)


@given(damaged_tables())
@settings(max_examples=40)
def test_examples_and_skipped_rows_are_all_rows_that_were_written(written: Written) -> None:
    with tempfile.TemporaryDirectory() as folder:
        loaded = load_split(written.dialect.write(Path(folder), written.header, written.lines), LABELS)

    assert len(loaded.examples) + len(loaded.skipped_rows) == len(written.rows)
    assert all(skipped.reason for skipped in loaded.skipped_rows)
    at = written.header.index("text")
    assert {row[at].strip() for row in written.whole} <= {example.text for example in loaded.examples}


@given(st.binary(max_size=300), SUFFIXES, st.sampled_from([b"", b"text,label\n", b"\xff\xfet\0", b'[{"text": "a"},']))
@settings(max_examples=60)
def test_any_bytes_are_rows_or_a_data_set_error(content: bytes, suffix: str, beginning: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"data{suffix}"
        file.write_bytes(beginning + content)
        try:
            table = read_file(file, "tagging" if suffix == ".conll" else "classification")
        except DatasetError as error:
            assert str(error).encode()
        else:
            assert all(record.row >= 1 for record in table.records)
            assert all(record.cells is not None or record.fault for record in table.records)
