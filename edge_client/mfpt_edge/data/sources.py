"""Where a device's examples come from: one file, a folder of splits, a data set of the hub, or the embedded task.

Every source goes the same way: tables, then rows of text and label, then examples of the plan's labels, then splits.

- Splits that the source brings are kept. What is missing is split off the training rows by a stable hash of the text,
  80/10/10, so that equal texts share a split and adding rows moves none of the others.
- A label matches the plan's exactly, or else but for upper and lower case. Only if not one label of the source is
  known to the plan and all are whole numbers from 0 to labels - 1 are they taken as indices into the plan's labels.
- A row that cannot be used is counted under its reason and never stops the rest.

No text read here goes anywhere but into the device's own training; `skipped` and `counts` hold no text.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mfpt_edge.data.cldr import cldr_examples
from mfpt_edge.data.columns import Columns, Row, rows_of
from mfpt_edge.data.example import Example
from mfpt_edge.data.splits import SPLIT_NAMES, SPLITS, SplitName, filled, split_of, subsample, without_leaks
from mfpt_edge.data.tables import SUFFIXES, Table, listed, read_file, read_hub
from mfpt_shared.errors import DatasetError, UsageError
from mfpt_shared.languages import LanguageCode, normalise
from mfpt_shared.plan import TaskKind


@dataclass(frozen=True, slots=True)
class Split:
    """The usable rows of one file, and why the others are not: reason -> rows."""

    examples: tuple[Example, ...]
    skipped: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Dataset:
    """What a device trains, validates and tests on; `skipped` is reason -> rows, summed over the splits.

    No text of `validation` or `test` is in `train`. Validation and test may be empty where the source is tiny.
    """

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]
    skipped: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """What `mfpt-edge data show` prints.

    Attributes:
        counts: split -> label -> examples; every label of the plan is there, `completion` where it has none.
        skipped: reason -> rows.
        samples: up to three (label or completion, text) from the training split, of different labels where it has them.
    """

    counts: Mapping[str, Mapping[str, int]]
    skipped: Mapping[str, int]
    samples: tuple[tuple[str, str], ...]


# ---- from a source to a data set


def load_dataset(
    source: str,
    language: LanguageCode,
    labels: Sequence[str],
    *,
    kind: TaskKind = "classification",
    columns: Columns | None = None,
    max_examples: int | None = None,
) -> Dataset:
    """Read a data set.

    Args:
        source: `cldr`, a CSV, TSV, JSONL or Parquet file, a folder with train, dev and test files of these kinds, or
            `hf:name`, `hf:org/name`, `hf:org/name/config` for a data set of the hub.
        language: whose names `cldr` gives; also decides which examples `max_examples` keeps.
        labels: the plan's, in its order; none for generation.
        kind: of the plan's task. Of `cldr`, generation makes of each name a prompt for the same name in English.
        columns: the columns to read, for sources other than `cldr`.
        max_examples: limit of the training split; the examples kept are the same every time, and each label keeps its
            share as far as possible.

    Raises:
        DatasetError: the source cannot be read, or holds no example to train on.
        UsageError: `hf:` without a proper name, or a limit below 1.
    """
    if max_examples is not None and max_examples < 1:
        raise UsageError(f"the limit of training examples must be at least 1, not {max_examples}")
    rows = (
        _cldr_rows(language, kind)
        if source == "cldr"
        else {name: rows_of(table, columns or Columns(), kind) for name, table in _tables(source).items()}
    )
    found, skipped = _examples(source, rows, labels, kind)
    splits = without_leaks(filled(found), skipped)
    if not splits["train"]:
        raise DatasetError(f"{source}: no example is left to train on, all are for validation or test: add more rows")
    train = subsample(splits["train"], language, max_examples or len(splits["train"]))
    return Dataset(tuple(train), tuple(splits["validation"]), tuple(splits["test"]), dict(skipped))


def load_split(
    path: Path, labels: Sequence[str], columns: Columns | None = None, kind: TaskKind = "classification"
) -> Split:
    """Read all rows of one file as one split, for an evaluation.

    Raises:
        DatasetError: the file cannot be read, or holds no example of the plan's labels.
    """
    found, skipped = _examples(str(path), {"test": rows_of(read_file(path), columns or Columns(), kind)}, labels, kind)
    return Split(tuple(found["test"]), dict(skipped))


def describe(dataset: Dataset, labels: Sequence[str]) -> DatasetSummary:
    """Count and sample a data set for a person to look at."""
    labels = labels or ("completion",)
    counts: dict[str, dict[str, int]] = {}
    for name in SPLITS:
        examples: tuple[Example, ...] = getattr(dataset, name)
        of_label = Counter(example.label for example in examples)
        counts[name] = {label: of_label[index] for index, label in enumerate(labels)}
    first: dict[int, Example] = {}
    for example in dataset.train:
        first.setdefault(example.label, example)
    others = [example for example in dataset.train if example is not first[example.label]]
    samples = tuple(
        (example.completion or labels[example.label], example.content) for example in [*first.values(), *others][:3]
    )
    return DatasetSummary(counts, dataset.skipped, samples)


def _cldr_rows(language: LanguageCode, kind: TaskKind) -> dict[SplitName, list[Row | None]]:
    """Split by entity rather than text, so that no language trains on what is another's test, translated."""
    if kind == "pairs":
        raise DatasetError("the embedded data has no pairs of texts: give your own with --data FILE")
    rows: dict[SplitName, list[Row | None]] = {name: [] for name in SPLITS}
    english = {name.key: name.text for name in cldr_examples(normalise("en"))} if kind == "generation" else {}
    for name in cldr_examples(language):
        answer = english.get(name.key) if kind == "generation" else name.label
        if answer is not None:
            rows[split_of(name.key)].append(Row(name.text, answer, name.key))
    return rows


def _tables(source: str) -> dict[SplitName, Table]:
    if source.startswith("hf:"):
        return read_hub(source)
    path = Path(source)
    try:
        files: dict[SplitName, Path] = _split_files(path) if path.is_dir() else {"train": path}
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}") from error
    return {name: read_file(file) for name, file in files.items()}


def _split_files(folder: Path) -> dict[SplitName, Path]:
    files: dict[SplitName, Path] = {}
    found = sorted(file for file in folder.iterdir() if file.is_file())
    for file in found:
        name = SPLIT_NAMES.get(file.stem.lower())
        if name is None or file.suffix.lower() not in SUFFIXES:
            continue
        if name in files:
            raise DatasetError(
                f"{folder}: both {files[name].name} and {file.name} claim to be the {name} split: keep one"
            )
        files[name] = file
    if "train" not in files:
        names = listed([file.name for file in found]) or "no file"
        raise DatasetError(f"{folder}: no training file (train{', train'.join(SUFFIXES)}); it holds {names}")
    return files


# ---- from rows to examples


def match_labels(found: Iterable[str], labels: Sequence[str]) -> dict[str, int]:
    """Return label of the source -> index into the plan's labels, for those that match; the rules stand above.

    Args:
        found: the labels of the whole source, stripped.
        labels: the plan's.
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


def _examples(
    where: str, rows: Mapping[SplitName, Sequence[Row | None]], labels: Sequence[str], kind: TaskKind
) -> tuple[dict[SplitName, list[Example]], Counter[str]]:
    """Turn the rows of all splits into examples, and count those that are none by reason."""
    found = Counter(row.label for split in rows.values() for row in split if row is not None and row.label)
    index_of = None if kind == "generation" else match_labels(found, labels)
    examples: dict[SplitName, list[Example]] = {name: [] for name in rows}
    skipped: Counter[str] = Counter()
    for name, split in rows.items():
        for row in split:
            reason = _flaw(row, index_of, kind)
            if reason is None and row is not None:
                examples[name].append(
                    Example(row.text, key=row.key, completion=row.label)
                    if index_of is None
                    else Example(row.text, index_of[row.label], row.key, row.pair)
                )
            else:
                skipped[str(reason)] += 1
    if not any(examples.values()):
        raise _nothing_usable(where, skipped, found, labels)
    return examples, skipped


def _flaw(row: Row | None, index_of: Mapping[str, int] | None, kind: TaskKind) -> str | None:
    if row is None:
        return "broken row"
    if not row.text or (kind == "pairs" and not row.pair):
        return "empty text"
    if not row.label:
        return "empty completion" if index_of is None else "empty label"
    return None if index_of is None or row.label in index_of else "label not in the plan"


def _nothing_usable(where: str, skipped: Counter[str], found: Counter[str], labels: Sequence[str]) -> DatasetError:
    reasons = ", ".join(f"{reason} {count}" for reason, count in skipped.items()) or "there is none"
    if not labels:
        return DatasetError(f"{where}: no row can be used ({reasons})")
    its_labels = listed([label for label, _ in found.most_common()]) or "none"
    return DatasetError(
        f"{where}: no row can be used ({reasons})\nits labels: {its_labels}; the plan's labels: {listed(labels)}"
    )
