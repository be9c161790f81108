"""What annotation tools export, as tables with a cell for each text and each label.

- Label Studio, JSON: `data` holds the texts, and `annotations` what was chosen for them. Annotations that an annotator
  cancelled do not count, and those that contradict each other make their row unusable.
- Label Studio, JSON-MIN and CSV: the column of the choice is called as in the labelling interface.
- Prodigy: only what was accepted counts; in multiple choice `accept` holds the chosen options.

doccano writes lists of one label, which are read without more.

Sources: Label Studio's "Export annotations", Prodigy's "Annotation interfaces" (both as of 2024).
"""

from collections.abc import Mapping, Sequence
from typing import Final

from mfpt_edge.data.cells import Odd, cell_text
from mfpt_edge.data.columns import LABEL_COLUMNS, TEXT_COLUMNS
from mfpt_edge.data.table import Record, Table

_LABEL: Final = "label"
_ANSWERS: Final = frozenset({"accept", "reject", "ignore"})
_CHOSEN: Final = frozenset({_LABEL, "accept"})
_DISAGREEING: Final = Odd("annotations that disagree")
_ABOUT_ANNOTATING: Final = frozenset(
    {"id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement"}
)


def flattened(table: Table) -> Table:
    """Return what an annotation tool exported as texts and labels; any other table as it is."""
    columns = {*table.columns}
    if {"data", "annotations"} <= columns:
        return _label_studio(table)
    if {"annotation_id", "lead_time"} <= columns:
        return _label_studio_min(table)
    answers = (
        {_answer(record) for record in table.records} - {None} if "answer" in columns and columns & _CHOSEN else set()
    )
    if answers and answers <= _ANSWERS:
        return _prodigy(table)
    return table


def _label_studio(table: Table) -> Table:
    records = [_annotated(record) for record in table.records]
    names = dict.fromkeys(name for record in table.records for chosen in _live_choices(record) for name in chosen)
    if len(names) == 1:
        (name,) = names
        records = [_also(record, name) for record in records]
    columns = dict.fromkeys(column for record in records for column in record.cells or ())
    return _changed(table, (*columns,), records, "Label Studio")


def _annotated(record: Record) -> Record:
    if record.cells is None:
        return record
    texts, choices = record.cells.get("data"), _live_choices(record)
    if not isinstance(texts, dict):
        return record._replace(cells=None, fault="no data of Label Studio")
    if record.cells.get("annotations") and not choices:
        return record._replace(cells=None, fault="cancelled by its annotator")
    return record._replace(cells={**texts, **_agreed(choices)})


def _agreed(choices: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """Return what annotations say of each question, as far as they agree."""
    agreed: dict[str, object] = {}
    for chosen in choices:
        for name, value in chosen.items():
            agreed[name] = value if agreed.get(name, value) == value else _DISAGREEING
    return agreed


def _live_choices(record: Record) -> list[dict[str, object]]:
    """Return what each annotation that was not cancelled says: name in the labelling interface -> choice."""
    annotations = (record.cells or {}).get("annotations")
    every = annotations if isinstance(annotations, list) else []
    return [_choices(one) for one in every if isinstance(one, dict) and not one.get("was_cancelled")]


def _choices(annotation: Mapping[str, object]) -> dict[str, object]:
    results = annotation.get("result")
    return {
        str(result.get("from_name", _LABEL)): _choice(result)
        for result in (results if isinstance(results, list) else [])
        if isinstance(result, dict)
    }


def _choice(result: Mapping[str, object]) -> object:
    value = result.get("value")
    if isinstance(value, dict) and "choices" in value:
        return value["choices"]
    if isinstance(value, dict) and "text" in value and "start" not in value:
        return value["text"]
    return Odd("an annotation that is no choice")


def _label_studio_min(table: Table) -> Table:
    texts, labels = (
        {name for groups in columns.values() for group in groups for name in group}
        for columns in (TEXT_COLUMNS, LABEL_COLUMNS)
    )
    others = [column for column in table.columns if column not in _ABOUT_ANNOTATING | texts]
    if len(others) != 1 or others[0] in labels:
        return table
    (name,) = others
    return _changed(table, (*table.columns, _LABEL), [_also(record, name) for record in table.records], "Label Studio")


def _prodigy(table: Table) -> Table:
    records = [_accepted(record, is_choice=_LABEL not in table.columns) for record in table.records]
    columns = table.columns if _LABEL in table.columns else (*table.columns, _LABEL)
    return _changed(table, columns, records, "Prodigy")


def _answer(record: Record) -> str | None:
    answer = record.cells.get("answer") if record.cells else None
    return answer if isinstance(answer, str) else None


def _accepted(record: Record, *, is_choice: bool) -> Record:
    answer = _answer(record)
    if record.cells is None or answer == "accept":
        return _with_choice(record) if is_choice else record
    return record._replace(cells=None, fault=f"answer {answer!r} in Prodigy" if answer else "no answer in Prodigy")


def _with_choice(record: Record) -> Record:
    """Let `accept` be the label; where its options have numbers, the text of the option."""
    if record.cells is None:
        return record
    options = record.cells.get("options")
    texts = {
        cell_text(option.get("id")): option.get("text")
        for option in (options if isinstance(options, list) else [])
        if isinstance(option, dict)
    }
    chosen = cell_text(record.cells.get("accept"))
    is_number = isinstance(chosen, str) and chosen.isdecimal()
    return record._replace(cells={**record.cells, _LABEL: texts.get(chosen, chosen) if is_number else chosen})


def _also(record: Record, name: str) -> Record:
    """Let the cells of a column also be those of `label`."""
    if record.cells is None:
        return record
    return record._replace(cells={**record.cells, _LABEL: record.cells.get(name)})


def _changed(table: Table, columns: tuple[str, ...], records: list[Record], tool: str) -> Table:
    return Table(table.where, columns, records, (*table.notes, f"read as an export of {tool}"))
