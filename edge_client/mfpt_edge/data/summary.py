"""A data set in numbers, for a person to look at."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mfpt_edge.data.example import Example
from mfpt_edge.data.findings import Finding
from mfpt_edge.data.sources import Dataset
from mfpt_edge.data.splits import SplitName

_SAMPLES = 3


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """What `mfpt-edge data show` prints.

    Attributes:
        counts: Split -> label -> examples, or words where these have the labels; with every label of the plan, or with
            `completion`.
        sentences: Split -> examples, where words have the labels; else empty.
        longest: Split -> words of the longest example, where words have the labels; else empty.
        skipped: Reason -> skipped rows.
        first_skipped: Reason -> where the first of these is.
        repaired: How labels of words were read that do not follow the plan's convention -> number of words.
        samples: Up to three (label or completion, text) from the training split, of different labels where it has
            them; where words have the labels, (number of words, each word with its label).
        notes: What was guessed or decided for the person.
        findings: What makes training on it useless, or is likely a mistake.
    """

    counts: Mapping[str, Mapping[str, int]]
    sentences: Mapping[str, int]
    longest: Mapping[str, int]
    skipped: Mapping[str, int]
    first_skipped: Mapping[str, str]
    repaired: Mapping[str, int]
    samples: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def describe(
    dataset: Dataset, labels: Sequence[str], findings: Sequence[Finding] = (), notes: Sequence[str] = ()
) -> DatasetSummary:
    """Count and sample a data set.

    Args:
        dataset: The examples.
        labels: Labels of the plan.
        findings: What was found out about them.
        notes: What else was decided, beside the notes of the data set itself.
    """
    labels = labels or ("completion",)
    splits: dict[SplitName, tuple[Example, ...]] = {"train": dataset.train, "test": dataset.test}
    tagged = bool(dataset.train[0].words)
    return DatasetSummary(
        counts={name: _counts(examples, labels) for name, examples in splits.items()},
        sentences={name: len(examples) for name, examples in splits.items() if tagged},
        longest={name: max((len(one.words) for one in of), default=0) for name, of in splits.items() if tagged},
        skipped=dataset.skipped,
        first_skipped={row.reason: str(row.place) for row in reversed(dataset.skipped_rows)},
        repaired=dataset.repaired,
        samples=_samples(dataset.train, labels),
        notes=(*notes, *dataset.notes),
        findings=tuple(findings),
    )


def _counts(examples: Sequence[Example], labels: Sequence[str]) -> dict[str, int]:
    of_label = Counter(index for example in examples for index in example.tags or (example.label,))
    return {label: of_label[index] for index, label in enumerate(labels)}


def _samples(examples: Sequence[Example], labels: Sequence[str]) -> tuple[tuple[str, str], ...]:
    first: dict[int, Example] = {}
    for example in examples:
        first.setdefault(example.label, example)
    others = [example for example in examples if example is not first[example.label]]
    return tuple(_sample(one, labels) for one in [*first.values(), *others][:_SAMPLES])


def _sample(example: Example, labels: Sequence[str]) -> tuple[str, str]:
    if example.words:
        pairs = zip(example.words, example.tags, strict=True)
        return f"{len(example.words)} words", " ".join(f"{word}/{labels[tag]}" for word, tag in pairs)
    return example.completion or labels[example.label], example.content
