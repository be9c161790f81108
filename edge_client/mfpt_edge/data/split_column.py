"""One file with all splits, where a column says of each row which it belongs to."""

from collections import defaultdict
from dataclasses import replace
from typing import Final

from mfpt_edge.data.cells import cell_text
from mfpt_edge.data.names import comparable_name
from mfpt_edge.data.splits import SPLIT_NAMES, SourceSplit
from mfpt_edge.data.table import Record, Table, listed

_COLUMNS: Final = frozenset({"split", "set", "partition", "subset"})
_FEWEST: Final = 2


def by_split_column(table: Table) -> dict[SourceSplit, Table]:
    """Return a table by its splits; all of it as `train` where no column says splits, `train` among them, and no more.

    Rows that say nothing, and broken ones, are of `train`.
    """
    for column in table.columns:
        if comparable_name(column) in _COLUMNS:
            splits = [_split(record, column) for record in table.records]
            if None not in splits and "train" in splits and len(set(splits)) >= _FEWEST:
                return _parted(table, column, splits)
    return {"train": table}


def _split(record: Record, column: str) -> SourceSplit | None:
    cell = cell_text(record.cells.get(column)) if record.cells else ""
    return SPLIT_NAMES.get(comparable_name(cell or "train")) if isinstance(cell, str) else None


def _parted(table: Table, column: str, splits: list[SourceSplit | None]) -> dict[SourceSplit, Table]:
    parts: dict[SourceSplit, list[Record]] = defaultdict(list)
    for split, record in zip(splits, table.records, strict=True):
        parts[split or "train"].append(record)
    note = f"rows parted by {listed([column])}: {', '.join(f'{len(of)} {split}' for split, of in parts.items())}"
    notes = {"train": (*table.notes, note)}
    return {split: replace(table, records=of, notes=notes.get(split, ())) for split, of in parts.items()}
