"""From rows to examples: labels matched with the plan's, and rows that cannot be used named with a reason."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from mfpt_edge.data import bio
from mfpt_edge.data.columns import Row
from mfpt_edge.data.example import Example
from mfpt_edge.data.place import SkippedRow, by_reason
from mfpt_edge.data.splits import SourceSplit
from mfpt_edge.data.table import listed
from mfpt_shared.errors import DatasetError
from mfpt_shared.plan import TaskKind


def match_labels(found: Iterable[str], labels: Sequence[str]) -> dict[str, int]:
    """Return label of the source -> index into the plan's labels, for those that match.

    A label matches exactly or, where none does, regardless of case. Only if no label of the source is known to the plan
    and all are whole numbers from 0 to labels - 1, they are taken as indices into the plan's labels.

    Args:
        found: Labels of the whole source, stripped.
        labels: The plan's labels.
    """
    distinct = set(found)
    exact = {label.strip(): index for index, label in enumerate(labels)}
    spellings = Counter(label.casefold() for label in exact)
    folded = {label.casefold(): index for label, index in exact.items() if spellings[label.casefold()] == 1}
    known = exact | {label: folded[label.casefold()] for label in distinct - exact.keys() if label.casefold() in folded}
    matched = {label: known[label] for label in distinct if label in known}
    indices = {str(index): index for index in range(len(labels))}
    if not matched and distinct <= indices.keys():
        return {label: indices[label] for label in distinct}
    return matched


class Usable(NamedTuple):
    """What a source gives.

    Attributes:
        examples: Split -> its examples.
        skipped: The rows that cannot be used.
        repaired: How labels of words were read that do not follow the plan's convention -> number of words.
    """

    examples: Mapping[SourceSplit, Sequence[Example]]
    skipped: Sequence[SkippedRow]
    repaired: Mapping[str, int]


def usable(
    source: str, rows: Mapping[SourceSplit, Sequence[Row | SkippedRow]], labels: Sequence[str], kind: TaskKind
) -> Usable:
    """Turn the rows of all splits into examples.

    Args:
        source: The source, as messages name it.
        rows: Split -> its rows.
        labels: The plan's labels.
        kind: Kind of task.

    Raises:
        DatasetError: No row can be used.
    """
    found = Counter(
        label for split in rows.values() for row in split if isinstance(row, Row) for label in row.labels if label
    )
    index_of = None if kind == "generation" else match_labels(found, labels)
    ends = bio.ends(found, labels) if kind == "tagging" else {}
    made = {
        name: [row if isinstance(row, SkippedRow) else _example(row, index_of and index_of | ends, kind) for row in of]
        for name, of in rows.items()
    }
    examples = {name: [one for one in of if isinstance(one, Example)] for name, of in made.items()}
    skipped = [one for of in made.values() for one in of if isinstance(one, SkippedRow)]
    if not any(examples.values()):
        raise _nothing_usable(source, skipped, found, labels)
    repaired = {bio.ENDS: sum(found[label] for label in ends)} if ends else {}
    if kind == "tagging":
        examples, begun = bio.repaired(examples, labels)
        repaired |= begun
    return Usable(examples, skipped, repaired)


def _example(row: Row, index_of: Mapping[str, int] | None, kind: TaskKind) -> Example | SkippedRow:
    """Return the example of a row; `index_of` is None where the label is a completion."""
    if not row.text or (kind == "pairs" and not row.pair):
        return SkippedRow(row.place, "empty text")
    if row.words:
        return _sentence(row, index_of or {})
    if not row.label:
        return SkippedRow(row.place, "empty completion" if index_of is None else "empty label")
    if index_of is None:
        return Example(row.text, key=row.key, completion=row.label, place=row.place)
    if row.label not in index_of:
        return SkippedRow(row.place, "label not in the plan")
    return Example(row.text, index_of[row.label], row.key, row.pair, place=row.place)


def _sentence(row: Row, index_of: Mapping[str, int]) -> Example | SkippedRow:
    """Return the example of a row of words; one label that the plan does not know makes all of it unusable."""
    if not all(row.tags):
        return SkippedRow(row.place, "word without a tag")
    if any(tag not in index_of for tag in row.tags):
        return SkippedRow(row.place, "label not in the plan")
    return Example(
        row.text, key=row.key, words=row.words, tags=tuple(index_of[tag] for tag in row.tags), place=row.place
    )


def _nothing_usable(
    source: str, skipped: Sequence[SkippedRow], found: Counter[str], labels: Sequence[str]
) -> DatasetError:
    reasons = ", ".join(f"{reason} {count}" for reason, count in by_reason(skipped).items()) or "the source has no rows"
    if not labels:
        return DatasetError(f"{source}: no row can be used ({reasons})")
    its_labels = listed([label for label, _ in found.most_common()]) or "none"
    return DatasetError(
        f"{source}: no row can be used ({reasons})\nits labels: {its_labels}; the plan's labels: {listed(labels)}"
    )
