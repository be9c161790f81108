"""From tables to rows where every word has a label: two columns of lists, the words and their labels."""

from mfpt_edge.data.cells import Odd, cell_text
from mfpt_edge.data.columns import LABEL_COLUMNS, TEXT_COLUMNS, Columns, Row, chosen_columns, key_column, key_of
from mfpt_edge.data.conll import MAX_WORDS
from mfpt_edge.data.place import Place, SkippedRow
from mfpt_edge.data.table import Record, Table, listed
from mfpt_edge.data.visible import is_visible, trimmed


def sentences_of(table: Table, columns: Columns) -> list[Row | SkippedRow]:
    """Return the sentence of each row; one that cannot be read as words and labels is skipped.

    Raises:
        DatasetError: The table lacks a column.
    """
    (words,) = chosen_columns(table, columns.text, TEXT_COLUMNS["tagging"], "text")
    (tags,) = chosen_columns(table, columns.label, LABEL_COLUMNS["tagging"], "label")
    key = key_column(table)
    return [_sentence(record, table.place(record), (words, tags), key) for record in table.records]


def _sentence(record: Record, place: Place, columns: tuple[str, str], key: str | None) -> Row | SkippedRow:
    if record.cells is None:
        return SkippedRow(place, record.fault)
    words, tags = (_texts(record.cells.get(column)) for column in columns)
    for column, texts in zip(columns, (words, tags), strict=True):
        if isinstance(texts, Odd):
            return SkippedRow(place, f"{listed([column])} holds {texts.what}")
    fault = _fault(words, tags)
    if fault:
        return SkippedRow(place, fault)
    return Row(place, " ".join(words), key=key_of(record, key), words=words, tags=tags)


def _fault(words: tuple[str, ...], tags: tuple[str, ...]) -> str | None:
    if len(words) != len(tags):
        return "not as many labels as words"
    if not words:
        return "empty text"
    if not all(map(is_visible, words)):
        return "empty word"
    return f"more than {MAX_WORDS} words" if len(words) > MAX_WORDS else None


def _texts(values: object) -> tuple[str, ...] | Odd:
    """Return a list of words or labels without what surrounds them."""
    if not isinstance(values, list):
        return Odd("no list")
    texts: list[str] = []
    for value in values:
        text = cell_text(value)
        if isinstance(text, Odd):
            return Odd(f"a list with {text.what} in it")
        texts.append(trimmed(text))
    return tuple(texts)
