"""How the labels of a source are read under a plan: by name, by position, or as its owner says they are meant."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from mfpt_edge.data import bio
from mfpt_edge.data.label_map import meanings
from mfpt_edge.data.labels import is_missing, match_labels, nameable, unknown_reasons
from mfpt_edge.data.names import comparable_name
from mfpt_edge.data.table import listed
from mfpt_shared.plan import TaskKind

_LEFT_OUT: Final = "label left out by the label map"
_SHOWN: Final = 10


class Readings(NamedTuple):
    """What becomes of the labels of a source.

    Attributes:
        index_of: Label -> index into the plan's labels.
        unknown: Every other label -> why its rows are skipped.
        left_out: Those of the others that the owner leaves out.
        ends: Labels that are read as the plan's convention has them, see `bio.ends`.
        notes: How labels were read that are not written as the plan writes them.
    """

    index_of: Mapping[str, int]
    unknown: Mapping[str, str]
    left_out: frozenset[str]
    ends: frozenset[str]
    notes: tuple[str, ...]


def read_labels(
    found: Mapping[str, int], labels: Sequence[str], kind: TaskKind, renamed: Mapping[str, str]
) -> Readings:
    """Read the labels of a source.

    Args:
        found: Label of the whole source, stripped -> number of times that it occurs.
        labels: The plan's labels.
        kind: Kind of task.
        renamed: What the owner says that labels mean, see `label_map`; he is believed before anything is guessed.

    Raises:
        DatasetError: A label is said to mean something that is no label of the plan.
    """
    said = meanings(renamed, found, labels)
    others = {label: count for label, count in found.items() if label not in said}
    matched = match_labels(others, labels)
    ends = bio.ends(Counter(others), labels) if kind == "tagging" else {}
    meant = {label: index for label, index in said.items() if index is not None}
    index_of = {**matched.index_of, **ends, **meant}
    left_out = frozenset(said.keys() - meant.keys())
    unknown = unknown_reasons(found, index_of) | dict.fromkeys(left_out, _LEFT_OUT)
    notes = (*_said_note(meant, labels), *_absent_note(renamed, said), *matched.notes)
    return Readings(index_of, unknown, left_out, frozenset(ends), notes)


def _said_note(meant: Mapping[str, int], labels: Sequence[str]) -> list[str]:
    pairs = [f"{listed([label])} as {listed([labels[index]])}" for label, index in sorted(meant.items())]
    more = [f"{len(pairs) - _SHOWN} more"] if len(pairs) > _SHOWN else []
    return [f"labels read as the label map says: {', '.join(pairs[:_SHOWN] + more)}"] if pairs else []


def _absent_note(renamed: Mapping[str, str], said: Mapping[str, int | None]) -> list[str]:
    """Name what the owner says about labels that are not there, and may have spelt in another way."""
    there = set(map(comparable_name, said))
    absent = [label for label in renamed if comparable_name(label) not in there]
    return [f"the label map names labels that are not there: {listed(absent, _SHOWN)}"] if absent else []


class LabelLine(NamedTuple):
    """A label of a source beside the plan's.

    Attributes:
        label: How the source writes it.
        times: Number of times that it occurs.
        meant: Label of the plan; None: none of them, and its rows are skipped.
    """

    label: str
    times: int
    meant: str | None


class Contract(NamedTuple):
    """The labels of a source beside the plan's.

    Attributes:
        lines: Labels of the source that may be named, the most frequent first.
        unknown: Those among them that are none of the plan's, and that nobody has left out.
        missing: Labels of the plan that the source lacks.
    """

    lines: tuple[LabelLine, ...]
    unknown: tuple[str, ...]
    missing: tuple[str, ...]


def contract(found: Mapping[str, int], labels: Sequence[str], readings: Readings) -> Contract:
    """Put the labels of a source beside the plan's.

    Args:
        found: As for `read_labels`.
        labels: The plan's labels.
        readings: What `read_labels` made of them.
    """
    named = {*nameable(found), *readings.index_of}
    shown = [label for label, _ in Counter(found).most_common() if label in named]
    lines = tuple(LabelLine(label, found[label], _meant(label, labels, readings)) for label in shown)
    missing = [label for index, label in enumerate(labels) if index not in readings.index_of.values()]
    others = {label: count for label, count in found.items() if label in readings.unknown}
    unknown = [label for label in nameable(others) if label not in readings.left_out and not is_missing(label)]
    return Contract(lines, tuple(unknown), tuple(missing))


def _meant(label: str, labels: Sequence[str], readings: Readings) -> str | None:
    index = readings.index_of.get(label)
    return None if index is None else labels[index]
