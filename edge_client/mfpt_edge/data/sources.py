"""Where a device's examples come from: one file, a folder of splits, a data set of the hub, or the embedded task.

Every source goes the same way: tables, then rows of text and label, then examples of the plan's labels, then splits.

- A device trains on what a source has to train and to validate on, and tests on what it has to test on. Without that,
  a tenth is split off by a stable hash of the text, so that equal texts share a split and adding rows moves no other.
- Labels are matched with the plan's, see `usable.match_labels`.
- A row that cannot be used is skipped, with its place and a reason, and never stops the rest. A sentence is one row: a
  word that lacks a label, or has one that the plan does not know, makes all of it unusable.

No text read here goes anywhere but into the device's own training; what is said about rows holds no text.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mfpt_edge.data.arrow_tables import read_hub
from mfpt_edge.data.cldr import cldr_examples
from mfpt_edge.data.columns import Columns, Row, rows_of
from mfpt_edge.data.example import Example
from mfpt_edge.data.place import Place, SkippedRow, by_reason
from mfpt_edge.data.readers import read_file, readers
from mfpt_edge.data.sentences import sentences_of
from mfpt_edge.data.splits import SPLIT_NAMES, SPLITS, SourceSplit, divided, split_of, subsample
from mfpt_edge.data.table import Table, listed
from mfpt_edge.data.usable import usable
from mfpt_shared.errors import DatasetError, UsageError
from mfpt_shared.languages import LanguageCode, normalise
from mfpt_shared.plan import TaskKind

_NOT_EMBEDDED: Final[Mapping[TaskKind, str]] = {"pairs": "pairs of texts", "tagging": "sentences with tagged words"}


@dataclass(frozen=True, slots=True)
class Loaded:
    """The examples of one file.

    Attributes:
        examples: All that can be used.
        skipped_rows: The rows that cannot.
        repaired: How labels of words were read that do not follow the plan's convention -> number of words.
        notes: What was guessed or decided for the person, in words that hold nothing of a text.
    """

    examples: tuple[Example, ...]
    skipped_rows: tuple[SkippedRow, ...]
    repaired: Mapping[str, int]
    notes: tuple[str, ...] = ()

    @property
    def skipped(self) -> Mapping[str, int]:
        """Number of skipped rows for each reason."""
        return by_reason(self.skipped_rows)


@dataclass(frozen=True, slots=True)
class Dataset:
    """What a device trains and tests on.

    Attributes:
        train: Examples to train on.
        test: Examples to test on, none with a text of `train`; may be empty where the source is tiny.
        skipped_rows: The rows of all splits that cannot be used.
        repaired: How labels of words were read that do not follow the plan's convention -> number of words.
        notes: What was guessed or decided for the person, in words that hold nothing of a text.
    """

    train: tuple[Example, ...]
    test: tuple[Example, ...]
    skipped_rows: tuple[SkippedRow, ...] = ()
    repaired: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def skipped(self) -> Mapping[str, int]:
        """Number of skipped rows for each reason."""
        return by_reason(self.skipped_rows)


def load_dataset(
    source: str,
    language: LanguageCode,
    labels: Sequence[str],
    *,
    kind: TaskKind = "classification",
    columns: Columns | None = None,
    max_examples: int | None = None,
    max_download: int | None = None,
    development: bool = True,
) -> Dataset:
    """Read a data set.

    Args:
        source: `cldr`, a file of one of the `readers`, a folder with train, dev and test files of these kinds, or
            `hf:name`, `hf:org/name`, `hf:org/name/config` for a data set of the hub.
        language: Language of the names that `cldr` gives; also decides which examples `max_examples` keeps.
        labels: Labels of the plan, in its order; none for generation.
        kind: Kind of the plan's task. With `cldr` and generation, each name is a prompt for the same name in English.
        columns: The columns to read, for sources other than `cldr`.
        max_examples: Limit of the training split; the examples kept are the same every time, and each label keeps its
            share as far as possible; of sentences with tagged words, they are any.
        max_download: Bytes that a data set of the hub may be; None: no limit.
        development: Whether a device also trains on what the source validates on; if not, that is not read.

    Raises:
        NotAllowed: The data set is larger.
        DatasetError: The source cannot be read, or holds no example to train on.
        UsageError: The name after `hf:` is malformed, or the limit is below 1.
    """
    if max_examples is not None and max_examples < 1:
        raise UsageError(f"the limit of training examples must be at least 1, not {max_examples}")
    notes: tuple[str, ...] = ()
    if source == "cldr":
        rows: Mapping[SourceSplit, Sequence[Row | SkippedRow]] = _cldr_rows(language, kind)
    else:
        tables = _tables(source, kind, max_download, development)
        rows = {name: _rows(table, columns, kind) for name, table in tables.items()}
        notes = _notes(tables.values())
    found = usable(source, rows, labels, kind)
    splits, left_out = divided(found.examples)
    if not splits["train"]:
        raise DatasetError(f"{source}: no example is left to train on, all are for the test: add more rows")
    train = subsample(splits["train"], language, max_examples or len(splits["train"]))
    return Dataset(tuple(train), tuple(splits["test"]), (*found.skipped, *left_out), found.repaired, notes)


def load_split(
    path: Path, labels: Sequence[str], columns: Columns | None = None, kind: TaskKind = "classification"
) -> Loaded:
    """Read all rows of one file as one split, for an evaluation.

    Raises:
        DatasetError: The file cannot be read, or holds no example of the plan's labels.
    """
    table = read_file(path, kind)
    found = usable(str(path), {"test": _rows(table, columns, kind)}, labels, kind)
    return Loaded(tuple(found.examples["test"]), tuple(found.skipped), found.repaired, _notes([table]))


def _notes(tables: Iterable[Table]) -> tuple[str, ...]:
    return tuple(f"{table.where}: {note}" for table in tables for note in table.notes)


def _cldr_rows(language: LanguageCode, kind: TaskKind) -> dict[SourceSplit, list[Row | SkippedRow]]:
    """Split by entity rather than text, so that no language trains on what is another's test, translated."""
    if kind in _NOT_EMBEDDED:
        raise DatasetError(f"the embedded data has no {_NOT_EMBEDDED[kind]}: give your own with --data FILE")
    rows: dict[SourceSplit, list[Row | SkippedRow]] = {name: [] for name in SPLITS}
    english = {name.key: name.text for name in cldr_examples(normalise("en"))} if kind == "generation" else {}
    for number, name in enumerate(cldr_examples(language), start=1):
        answer = english.get(name.key) if kind == "generation" else name.label
        if answer is not None:
            rows[split_of(name.key)].append(Row(Place("cldr", number), name.text, answer, name.key))
    return rows


def _rows(table: Table, columns: Columns | None, kind: TaskKind) -> list[Row | SkippedRow]:
    if kind == "tagging":
        return sentences_of(table, columns or Columns())
    return rows_of(table, columns or Columns(), kind)


def _tables(source: str, kind: TaskKind, max_download: int | None, development: bool) -> dict[SourceSplit, Table]:
    if source.startswith("hf:"):
        tables = read_hub(source, max_download, lists=kind == "tagging")
        return {name: table for name, table in tables.items() if development or name != "validation"}
    path = Path(source)
    try:
        files: dict[SourceSplit, Path] = _split_files(path, kind) if path.is_dir() else {"train": path}
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}") from error
    return {name: read_file(file, kind) for name, file in files.items() if development or name != "validation"}


def _split_files(folder: Path, kind: TaskKind) -> dict[SourceSplit, Path]:
    suffixes = tuple(readers(kind))
    files: dict[SourceSplit, Path] = {}
    found = sorted(file for file in folder.iterdir() if file.is_file())
    for file in found:
        # Universal Dependencies name their files such as `sw_swahili-ud-train`.
        name = SPLIT_NAMES.get(file.stem.lower().rpartition("-ud-")[2])
        if name is None or file.suffix.lower() not in suffixes:
            continue
        if name in files:
            raise DatasetError(
                f"{folder}: both {files[name].name} and {file.name} claim to be the {name} split: keep one"
            )
        files[name] = file
    if "train" not in files:
        names = listed([file.name for file in found]) or "no file"
        raise DatasetError(f"{folder} has no training file (train{', train'.join(suffixes)}); it holds {names}")
    return files
