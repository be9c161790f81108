"""From tables to rows where every word has a label: two columns of lists, the words and their labels."""

from mfpt_edge.data.columns import KEY_COLUMN, LABEL_COLUMNS, TEXT_COLUMNS, Columns, Row, as_text, chosen_columns
from mfpt_edge.data.conll import MAX_WORDS
from mfpt_edge.data.place import Place, SkippedRow
from mfpt_edge.data.table import Record, Table
from mfpt_edge.data.visible import is_visible, trimmed


def sentences_of(table: Table, columns: Columns) -> list[Row | SkippedRow]:
    """Return the sentence of each row; one that cannot be read as words and labels is skipped.

    Raises:
        DatasetError: The table lacks a column.
    """
    (words,) = chosen_columns(table, columns.text, TEXT_COLUMNS["tagging"], "text")
    (tags,) = chosen_columns(table, columns.label, LABEL_COLUMNS["tagging"], "label")
    return [_sentence(record, table.place(record), words, tags) for record in table.records]


def _sentence(record: Record, place: Place, word_column: str, tag_column: str) -> Row | SkippedRow:
    if record.cells is None:
        return SkippedRow(place, record.fault)
    words, tags = (_texts(record.cells.get(column)) for column in (word_column, tag_column))
    if words is None or tags is None:
        return SkippedRow(place, record.fault)
    fault = _fault(words, tags)
    key = as_text(record.cells.get(KEY_COLUMN)) or ""
    return SkippedRow(place, fault) if fault else Row(place, " ".join(words), key=key, words=words, tags=tags)


def _fault(words: tuple[str, ...], tags: tuple[str, ...]) -> str | None:
    if len(words) != len(tags):
        return "not as many labels as words"
    if not words:
        return "empty text"
    if not all(map(is_visible, words)):
        return "empty word"
    return f"more than {MAX_WORDS} words" if len(words) > MAX_WORDS else None


def _texts(values: object) -> tuple[str, ...] | None:
    """Return a list of words or labels without what surrounds them; `None` where it holds anything else."""
    if not isinstance(values, list):
        return None
    texts = [as_text(value) for value in values]
    return None if None in texts else tuple(trimmed(text) for text in texts if text is not None)
