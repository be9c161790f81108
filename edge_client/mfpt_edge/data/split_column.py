"""One file with all splits, where a column says of each row which it belongs to."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace
from typing import Final

from mfpt_edge.data.cells import Odd, cell_text
from mfpt_edge.data.names import comparable_name, may_be_name
from mfpt_edge.data.splits import SPLIT_NAMES, SourceSplit
from mfpt_edge.data.table import Record, Table, listed

_COLUMNS: Final = frozenset({"split", "set", "partition", "subset"})
_FEWEST: Final = 2
_NAMED: Final = 10  # other words of the column; more would be texts


def by_split_column(table: Table) -> dict[SourceSplit, Table]:
    """Return a table by its splits; all of it as `train` where no column says `train` and another split.

    Rows that say nothing, and broken ones, are of `train`. A row that says something else has lost its split, and may
    be one to test on: it breaks the format.
    """
    for column in table.columns:
        if comparable_name(column) in _COLUMNS:
            splits = [_split(record, column) for record in table.records]
            if "train" in splits and len({*splits} - {None}) >= _FEWEST:
                return _parted(table, column, splits)
    return {"train": table}


def _cell(record: Record, column: str) -> str | Odd:
    return cell_text(record.cells.get(column)) if record.cells else ""


def _split(record: Record, column: str) -> SourceSplit | None:
    cell = _cell(record, column)
    return SPLIT_NAMES.get(comparable_name(cell or "train")) if isinstance(cell, str) else None


def _parted(table: Table, column: str, splits: list[SourceSplit | None]) -> dict[SourceSplit, Table]:
    parts: dict[SourceSplit, list[Record]] = defaultdict(list)
    strays = {_cell(record, column) for split, record in zip(splits, table.records, strict=True) if split is None}
    named = {cell for cell in strays if isinstance(cell, str) and may_be_name(cell)} if len(strays) <= _NAMED else set()
    for split, record in zip(splits, table.records, strict=True):
        parts[split or "train"].append(record if split else _without_split(record, column, named))
    note = f"rows parted by {listed([column])}: {', '.join(f'{len(of)} {split}' for split, of in parts.items())}"
    notes = {"train": (*table.notes, note)}
    return {split: replace(table, records=of, notes=notes.get(split, ())) for split, of in parts.items()}


def _without_split(record: Record, column: str, named: Collection[str | Odd]) -> Record:
    cell = _cell(record, column)
    said = f": {listed([cell])}" if isinstance(cell, str) and cell in named else ""
    return record._replace(cells=None, fault=f"{listed([column])} says no known split{said}")
