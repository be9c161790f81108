"""From rows to examples: labels read as the plan's, and rows that cannot be used named with a reason."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from mfpt_edge.data import bio
from mfpt_edge.data.columns import Row
from mfpt_edge.data.example import Example
from mfpt_edge.data.label_map import map_lines
from mfpt_edge.data.label_readings import Readings, read_labels
from mfpt_edge.data.labels import is_missing, nameable, number_hint
from mfpt_edge.data.place import SkippedRow, by_reason
from mfpt_edge.data.splits import SourceSplit
from mfpt_edge.data.table import listed
from mfpt_edge.data.visible import is_visible
from mfpt_shared.errors import DatasetError
from mfpt_shared.plan import TaskKind

_MAPPED: Final = 10


class Usable(NamedTuple):
    """What a source gives.

    Attributes:
        examples: Split -> its examples.
        skipped: The rows that cannot be used.
        repaired: How labels of words were read that do not follow the plan's convention -> number of words.
        notes: How labels were read that are not written as the plan writes them.
    """

    examples: Mapping[SourceSplit, Sequence[Example]]
    skipped: Sequence[SkippedRow]
    repaired: Mapping[str, int]
    notes: tuple[str, ...] = ()


def usable(
    source: str,
    rows: Mapping[SourceSplit, Sequence[Row | SkippedRow]],
    labels: Sequence[str],
    kind: TaskKind,
    renamed: Mapping[str, str] | None = None,
) -> Usable:
    """Turn the rows of all splits into examples.

    Args:
        source: The source, as messages name it.
        rows: Split -> its rows.
        labels: The plan's labels.
        kind: Kind of task.
        renamed: What the owner says that labels mean, see `label_map`; None: he is not asked.

    Raises:
        DatasetError: No row can be used; the message has the lines of a label map to copy, if he is asked.
    """
    found = labels_found(rows)
    readings = read_labels(found, labels, kind, renamed or {}) if kind != "generation" else None
    made = {
        name: [row if isinstance(row, SkippedRow) else _example(row, readings, kind) for row in of]
        for name, of in rows.items()
    }
    examples = {name: [one for one in of if isinstance(one, Example)] for name, of in made.items()}
    skipped = [one for of in made.values() for one in of if isinstance(one, SkippedRow)]
    if not any(examples.values()):
        hint = "" if renamed is None else _map_hint(found, labels)
        raise _nothing_usable(source, skipped, found, labels, hint)
    ends = readings.ends if readings else ()
    repaired = {bio.ENDS: sum(found[label] for label in ends)} if ends else {}
    if kind == "tagging":
        examples, begun = bio.repaired(examples, labels)
        repaired |= begun
    return Usable(examples, skipped, repaired, readings.notes if readings else ())


def labels_found(rows: Mapping[SourceSplit, Sequence[Row | SkippedRow]]) -> Counter[str]:
    """Count the labels of a source, as it writes them."""
    return Counter(
        label for split in rows.values() for row in split if isinstance(row, Row) for label in row.labels if label
    )


def _example(row: Row, readings: Readings | None, kind: TaskKind) -> Example | SkippedRow:
    """Return the example of a row; no readings: the label is a completion."""
    if not is_visible(row.text) or (kind == "pairs" and not is_visible(row.pair)):
        return SkippedRow(row.place, "empty text")
    if row.words and readings:
        return _sentence(row, readings)
    if not row.label:
        return SkippedRow(row.place, "empty label" if readings else "empty completion")
    if readings is None:
        return Example(row.text, key=row.key, completion=row.label, place=row.place)
    if row.label in readings.unknown:
        return SkippedRow(row.place, readings.unknown[row.label])
    return Example(row.text, readings.index_of[row.label], row.key, row.pair, place=row.place)


def _sentence(row: Row, readings: Readings) -> Example | SkippedRow:
    """Return the example of a row of words; one label that the plan does not know makes all of it unusable."""
    if not all(row.tags):
        return SkippedRow(row.place, "word without a tag")
    for tag in row.tags:
        if tag in readings.unknown:
            return SkippedRow(row.place, readings.unknown[tag])
    tags = tuple(readings.index_of[tag] for tag in row.tags)
    return Example(row.text, key=row.key, words=row.words, tags=tags, place=row.place)


def _nothing_usable(
    source: str, skipped: Sequence[SkippedRow], found: Counter[str], labels: Sequence[str], hint: str
) -> DatasetError:
    reasons = ", ".join(f"{count} x {reason}" for reason, count in by_reason(skipped).items())
    said = f"{source}: no row can be used ({reasons or 'the source has no rows'})"
    if not labels:
        return DatasetError(said)
    its_labels = listed(nameable(found)) or (f"{len(found)} that look like texts" if found else "none")
    numbers = number_hint(found, labels)
    return DatasetError(f"{said}\nits labels: {its_labels}; the plan's labels: {listed(labels)}{numbers}{hint}")


def _map_hint(found: Counter[str], labels: Sequence[str]) -> str:
    """Return the lines of a label map to copy; empty: there is nothing to name."""
    named = [label for label in nameable(found) if not is_missing(label)][:_MAPPED]
    if not named:
        return ""
    return "\n".join(
        ['\nsay in a file for --label-map what each label means ("" leaves one out):', *map_lines(named, labels)]
    )
