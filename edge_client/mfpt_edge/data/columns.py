"""From tables to rows: which columns hold the texts and what they are labelled with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mfpt_edge.data.place import Place, SkippedRow
from mfpt_edge.data.table import Table, listed
from mfpt_shared.errors import DatasetError
from mfpt_shared.plan import TaskKind

# For each kind of task, the first group of columns that is there counts.
# MasakhaNEWS has a headline beside its text: both belong together.
TEXT_COLUMNS: Final[Mapping[TaskKind, Sequence[tuple[str, ...]]]] = {
    "classification": (("headline", "text"), ("text",), ("sentence",), ("headline",), ("tweet",)),
    "pairs": (("premise",), ("sentence1",), ("text",)),
    "tagging": (("tokens",), ("words",)),
    "generation": (("prompt",), ("text",)),
}
_PAIR_COLUMNS: Final = (("hypothesis",), ("sentence2",), ("pair",))
LABEL_COLUMNS: Final[Mapping[TaskKind, Sequence[tuple[str, ...]]]] = {
    "classification": (("label",), ("category",)),
    "pairs": (("label",), ("gold_label",)),
    "tagging": (("tags",), ("ner_tags",), ("pos_tags",), ("upos",)),
    "generation": (("completion",), ("target",)),
}
# Column of data sets that are translations of one another, such as SIB-200.
KEY_COLUMN: Final = "index_id"


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that the user named; where one is None, the usual names are tried.

    Attributes:
        text: The text, the first of a pair, or the prompt.
        label: The label, or the completion.
        pair: The second text of a pair.
    """

    text: str | None = None
    label: str | None = None
    pair: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """What one row of a source says, stripped.

    Attributes:
        place: Where it is.
        text: The text, the first of a pair, or the prompt.
        label: The label, by its name in the source, or the completion.
        key: The same for translations of one sentence, where the source says which these are; else empty.
        pair: The second text of a pair; else empty.
        words: The words, where each has a label; else empty.
        tags: The label of every word, by its name in the source; as many as there are words.
    """

    place: Place
    text: str
    label: str = ""
    key: str = ""
    pair: str = ""
    words: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels that it has."""
        return self.tags or (self.label,)


def rows_of(table: Table, columns: Columns, kind: TaskKind) -> list[Row | SkippedRow]:
    """Return what each row says; a row in which a cell is missing, or is not text, is skipped.

    Where every word has a label, see `sentences.sentences_of`.

    Raises:
        DatasetError: The table lacks a column.
    """
    text_columns = chosen_columns(table, columns.text, TEXT_COLUMNS[kind], "text")
    pair_columns = chosen_columns(table, columns.pair, _PAIR_COLUMNS, "pair") if kind == "pairs" else ()
    label_columns = chosen_columns(table, columns.label, LABEL_COLUMNS[kind], "label")
    rows: list[Row | SkippedRow] = []
    for record in table.records:
        cells, place = record.cells or {}, table.place(record)
        texts, pairs, labels = (
            [_cell(cells, column) for column in some] for some in (text_columns, pair_columns, label_columns)
        )
        if None in (*texts, *pairs, *labels):
            rows.append(SkippedRow(place, record.fault))
        else:
            key = _cell(cells, KEY_COLUMN) or ""
            rows.append(Row(place, _joined(texts), _joined(labels), key, _joined(pairs)))
    return rows


def _joined(cells: Sequence[str | None]) -> str:
    return " ".join(cell for cell in cells if cell)


def _cell(row: Mapping[str, object], column: str) -> str | None:
    """Return a cell as stripped text; a missing one is `None`, see `as_text`."""
    return as_text(row.get(column, False))


def as_text(value: object) -> str | None:
    """Return a value as stripped text; a null is empty, and what is neither text nor a whole number is `None`."""
    if value is None:
        return ""
    if not isinstance(value, str | int) or isinstance(value, bool):
        return None
    text = str(value).strip()
    # JSON can escape half of a surrogate pair, which is not Unicode text and which no tokenizer takes.
    return None if any("\ud800" <= char <= "\udfff" for char in text) else text


def chosen_columns(table: Table, wanted: str | None, usual: Sequence[tuple[str, ...]], role: str) -> tuple[str, ...]:
    """Return the column that the user wants, or else the first usual group, in upper or lower case."""
    known = {column if wanted else column.casefold(): column for column in reversed(table.columns)}
    for group in [(wanted,)] if wanted else usual:
        if all(column in known for column in group):
            return tuple(known[column] for column in group)
    missing = repr(wanted) if wanted else " or ".join(group[0] for group in usual if len(group) == 1)
    raise DatasetError(
        f"{table.where}: no {role} column {missing}; it has {listed(table.columns, 20)}: name one with --{role}-column"
    )
