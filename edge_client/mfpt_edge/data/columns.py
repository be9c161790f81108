"""From tables to rows: which columns hold the texts and what they are labelled with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from mfpt_edge.data.cells import Odd, cell_text
from mfpt_edge.data.names import comparable_name, may_be_name
from mfpt_edge.data.place import Place, SkippedRow
from mfpt_edge.data.table import Record, Table, listed
from mfpt_edge.data.two_columns import TextAndLabel, text_and_label
from mfpt_shared.errors import DatasetError
from mfpt_shared.plan import TaskKind

# For each kind of task, the first group of columns that is there counts.
# MasakhaNEWS has a headline beside its text: both belong together. doccano calls the text `data`.
TEXT_COLUMNS: Final[Mapping[TaskKind, Sequence[tuple[str, ...]]]] = {
    "classification": (("headline", "text"), ("text",), ("sentence",), ("headline",), ("tweet",), ("data",)),
    "pairs": (("premise",), ("sentence1",), ("text",)),
    "tagging": (("tokens",), ("words",)),
    "generation": (("prompt",), ("text",)),
}
_PAIR_COLUMNS: Final = (("hypothesis",), ("sentence2",), ("pair",))
LABEL_COLUMNS: Final[Mapping[TaskKind, Sequence[tuple[str, ...]]]] = {
    "classification": (("label",), ("category",), ("labels",)),
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


class _Chosen(NamedTuple):
    """The columns of a table that are read."""

    texts: tuple[str, ...]
    pairs: tuple[str, ...]
    labels: tuple[str, ...]
    key: str | None


def rows_of(table: Table, columns: Columns, kind: TaskKind) -> list[Row | SkippedRow]:
    """Return what each row says; a row in which a cell is no text, or that is the header again, is skipped.

    Where every word has a label, see `sentences.sentences_of`.

    Raises:
        DatasetError: The table lacks a column, has more than one of its name, or one is to be both text and label.
    """
    if told := _told_apart(table, columns, kind):
        columns = Columns(*told)
    chosen = _Chosen(
        chosen_columns(table, columns.text, TEXT_COLUMNS[kind], "text"),
        chosen_columns(table, columns.pair, _PAIR_COLUMNS, "pair") if kind == "pairs" else (),
        chosen_columns(table, columns.label, LABEL_COLUMNS[kind], "label"),
        key_column(table),
    )
    if same := {*chosen.texts, *chosen.pairs} & {*chosen.labels}:
        raise DatasetError(
            f"{table.where}: {listed(sorted(same))} cannot be both text and label: name others with --text-column "
            "and --label-column"
        )
    return [_row(record, table.place(record), chosen) for record in table.records]


def _told_apart(table: Table, columns: Columns, kind: TaskKind) -> TextAndLabel | None:
    """Return the columns of a table that has two of them, none of which has a usual name; None: nothing is guessed."""
    usual = (name for of in (TEXT_COLUMNS[kind], LABEL_COLUMNS[kind]) for group in of for name in group)
    if kind != "classification" or columns != Columns() or any(_called(table, name) for name in usual):
        return None
    return text_and_label(table)


def _row(record: Record, place: Place, chosen: _Chosen) -> Row | SkippedRow:
    if record.cells is None:
        return SkippedRow(place, record.fault)
    cells = {column: cell_text(record.cells.get(column)) for column in (*chosen.texts, *chosen.pairs)}
    cells |= {column: cell_text(record.cells.get(column), truth=True) for column in chosen.labels}
    texts = {column: cell for column, cell in cells.items() if not isinstance(cell, Odd)}
    for column, cell in cells.items():
        if isinstance(cell, Odd):
            return SkippedRow(place, f"{listed([column])} holds {cell.what}")
    if all(_is_name(text, column) for column, text in texts.items()):
        return SkippedRow(place, "header again")
    text, pair, label = (_joined(texts, group) for group in chosen[:3])
    return Row(place, text, label, key_of(record, chosen.key), pair)


def _is_name(text: str, column: str) -> bool:
    """Whether a cell holds the name of its column; long ones are not compared, which would take long."""
    return len(text) <= 2 * len(column) and comparable_name(text) == comparable_name(column)


def _joined(texts: Mapping[str, str], columns: Sequence[str]) -> str:
    return " ".join(text for column in columns if (text := texts[column]))


def key_of(record: Record, column: str | None) -> str:
    """Return what tells which sentence a row is a translation of; empty: nothing does."""
    key = cell_text(record.cells.get(column)) if record.cells and column else ""
    # Where a cell of a column of numbers is empty, some libraries write all of them with a point.
    return "" if isinstance(key, Odd) else key.removesuffix(".0")


def key_column(table: Table) -> str | None:
    """Return the column that tells translations of one sentence."""
    return next((column for column in table.columns if comparable_name(column) == KEY_COLUMN), None)


def chosen_columns(table: Table, wanted: str | None, usual: Sequence[tuple[str, ...]], role: str) -> tuple[str, ...]:
    """Return the column that the user wants, or else the first usual group; names are compared by `comparable_name`.

    Raises:
        DatasetError: There is none, or more than one column could be meant.
    """
    for group in [(wanted,)] if wanted else usual:
        found = [_called(table, name) for name in group]
        if all(found):
            for same in found:
                _check_one(table, same, role)
            return tuple(same[0] for same in found)
    if not all(map(may_be_name, table.columns)):
        raise DatasetError(
            f"{table.where}: no {role} column, and what should be names of columns are texts: "
            "put a line with the names first, such as text and label"
        )
    if len(table.columns) == 1:
        raise DatasetError(
            f"{table.where} has one column, {listed(table.columns)}: a text and its label must stand in two; a file of "
            "text names them in its first line, with commas, semicolons, tabs or bars between them"
        )
    missing = repr(wanted) if wanted else " or ".join(group[0] for group in usual if len(group) == 1)
    guessed = f" ({'; '.join(table.notes)})" if table.notes else ""
    raise DatasetError(
        f"{table.where}: no {role} column {missing}; it has {listed(table.columns, 20)}{guessed}: "
        f"name one with --{role}-column"
    )


def check_header(table: Table, labels: Sequence[str]) -> None:
    """Refuse a table whose first line is a row: no column has a usual name, and one is called as a label of the plan.

    Raises:
        DatasetError: It is so.
    """
    usual = (name for groups in (*TEXT_COLUMNS.values(), *LABEL_COLUMNS.values()) for group in groups for name in group)
    names = {comparable_name(label) for label in labels}
    called = [column for column in table.columns if comparable_name(column) in names]
    if len(called) == 1 and not any(_called(table, name) for name in usual):
        raise DatasetError(
            f"{table.where}: its first line is a row, as {listed(called)} is a label: "
            "put a line with names of columns before it, such as text and label"
        )


def _called(table: Table, name: str) -> list[str]:
    """Return the columns of a name; those that differ in case, spaces or Unicode form only where none is exactly it."""
    alike = [column for column in table.columns if comparable_name(column) == comparable_name(name)]
    return [column for column in alike if column == name] or alike


def _check_one(table: Table, same: Sequence[str], role: str) -> None:
    if len(same) > 1 and len(set(same)) == 1:
        raise DatasetError(f"{table.where}: {len(same)} columns are called {listed(same[:1])}: rename all but one")
    if len(same) > 1:
        raise DatasetError(
            f"{table.where}: {listed(same)} could all be the {role} column: name one with --{role}-column"
        )


def column_notes(table: Table, columns: Columns, kind: TaskKind) -> tuple[str, ...]:
    """Say which columns were taken where others are usual too, or none is."""
    if told := _told_apart(table, columns, kind):
        text, label = (listed([name]) for name in told)
        return (f"column {text} read as the text, {label} as the label",)
    notes: list[str] = []
    for wanted, usual, role in (
        (columns.text, TEXT_COLUMNS[kind], "text"),
        (columns.label, LABEL_COLUMNS[kind], "label"),
    ):
        taken = chosen_columns(table, wanted, usual, role)
        names = {comparable_name(name) for group in usual for name in group}
        others = {column for column in table.columns if comparable_name(column) in names} - {*taken}
        if others and not wanted:
            notes.append(f"{role} column {listed(taken)}; not used: {listed(sorted(others))}")
    return tuple(notes)
