"""Which of two columns holds the texts, where their names say nothing: people name them in their own language."""

from typing import Final, NamedTuple

from mfpt_edge.data.cells import Odd, cell_text
from mfpt_edge.data.names import comparable_name, may_be_name
from mfpt_edge.data.table import Table

_FEWEST_ROWS: Final = 8
# A label comes back at least so often, and there are so many more texts than labels.
_ROWS_A_LABEL: Final = 3
_TEXTS_A_LABEL: Final = 2


class TextAndLabel(NamedTuple):
    """Two columns of a table."""

    text: str
    label: str


class _Values(NamedTuple):
    """What a column holds: the number of different values, their mean length, and the values, to be compared."""

    different: int
    length: float
    values: frozenset[str]


def text_and_label(table: Table) -> TextAndLabel | None:
    """Return which column of two holds texts and which holds labels; None: that cannot be told.

    Labels come back again and again and are shorter; texts hardly ever come back. A column whose name is among its own
    values has no name: the first line is a row.
    """
    if len(table.columns) != 2 or not all(map(may_be_name, table.columns)):
        return None
    first, second = (_values(table, column) for column in table.columns)
    if first is None or second is None:
        return None
    names = [comparable_name(column) for column in table.columns]
    if names[0] in first.values or names[1] in second.values:
        return None
    text, label = (0, 1) if first.different > second.different else (1, 0)
    texts, labels = (first, second) if text == 0 else (second, first)
    few = labels.different * _ROWS_A_LABEL <= len(table.records) and labels.different >= 2
    if not few or texts.different < _TEXTS_A_LABEL * labels.different or texts.length <= labels.length:
        return None
    return TextAndLabel(table.columns[text], table.columns[label])


def _values(table: Table, column: str) -> _Values | None:
    """Return what a column holds; None: too little, or not texts."""
    cells = [cell_text(record.cells.get(column), truth=True) for record in table.records if record.cells is not None]
    texts = [cell for cell in cells if not isinstance(cell, Odd) and cell]
    if len(texts) < max(_FEWEST_ROWS, len(table.records) / 2):
        return None
    return _Values(len(set(texts)), sum(map(len, texts)) / len(texts), frozenset(map(comparable_name, set(texts))))
