"""How the labels of a plan are shared out among training examples, or among their words."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from mfpt_edge.data.example import Example
from mfpt_edge.data.findings import Finding, share
from mfpt_edge.data.table import listed

_DOMINANT: Final = 0.8
_RARE: Final = 20  # times as many examples of the largest class as of the smallest


def class_balance(train: Sequence[Example], labels: Sequence[str]) -> list[Finding]:
    """Return what is to be said about labels that are missing, alone, or much more frequent than others.

    Args:
        train: Training examples, each with a label, or with one on every word.
        labels: The plan's labels.
    """
    tagged = bool(train and train[0].words)
    counts = Counter(index for example in train for index in example.tags or (example.label,))
    if len(labels) < 2 or not counts:
        return []
    what, total = ("words" if tagged else "training examples"), counts.total()
    ranked = [labels[index] for index, _ in counts.most_common()]
    most, least = max(counts.values()), min(counts.values())
    if len(counts) == 1:
        text = f"all {total} {what} have the label {listed(ranked)}: nothing here tells it from the others"
        return [Finding("one label", "useless", total, text)]
    missing = [label for index, label in enumerate(labels) if index not in counts]
    found = []
    if missing:
        text = f"no example of {len(missing)} of the plan's {len(labels)} labels: {listed(missing, 10)}"
        found.append(Finding("labels missing", "note" if tagged else "warning", len(missing), text))
    if most > _DOMINANT * total and not tagged:
        text = f"{share(most, total)} {what} have the label {listed(ranked[:1])}: always answering it would be as good"
        found.append(Finding("imbalance", "warning", most, text))
    elif most > _RARE * least and not tagged:
        text = f"{listed(ranked[:1])} has {most} {what}, {listed(ranked[-1:])} only {least}"
        found.append(Finding("imbalance", "note", least, text))
    return found
