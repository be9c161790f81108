"""Readers of tables of text: CSV, TSV, and what spreadsheets and people make of these."""

from pathlib import Path
from typing import Final

from mfpt_edge.data.table import Record, Table
from mfpt_edge.data.unlabelled import are_tagged_words
from mfpt_shared.errors import DatasetError
from mfpt_shared.separated.table import read_separated
from mfpt_shared.text_files import Text, read_text_file

# Names of columns by which a separator is told from characters of a text.
_USUAL: Final = frozenset({
    "category", "completion", "gold_label", "headline", "hypothesis", "index_id", "label", "pair", "premise", "prompt",
    "sentence", "sentence1", "sentence2", "target", "text", "tweet",
})  # fmt: skip


def read_csv(path: Path) -> Table:
    """Read cells between commas or, as spreadsheets write them in many countries, between something else."""
    return _table(path, read_text_file(path), ",")


def read_tsv(path: Path) -> Table:
    """Read cells between tabs, unless something else fits better."""
    return _table(path, read_text_file(path), "\t")


def read_columns(path: Path) -> Table:
    """Read a file of text that may be a table.

    Raises:
        DatasetError: Its first line does not name several columns, or it holds tagged words.
    """
    text = read_text_file(path)
    if are_tagged_words(text.content.splitlines()):
        raise DatasetError(
            f"{path} holds tagged words (CoNLL), and this task is about whole texts: "
            "see `mfpt-edge data show --kind tagging`"
        )
    table = _table(path, text, "\t")
    if len(table.columns) < 2:
        raise DatasetError(
            f"{path} is no table: its first line must name columns, with tabs, commas, semicolons or bars between"
        )
    return table


def _table(path: Path, text: Text, expected: str) -> Table:
    found = read_separated(text.content, str(path), expected, _USUAL)
    records = [
        Record(row.line, dict(zip(found.columns, row.cells, strict=False)))
        if row.cells is not None and row.fault is None
        else Record(row.line, None, row.fault or "broken row")
        for row in found.rows
    ]
    return Table(str(path), found.columns, records, (*text.notes, *found.notes))
