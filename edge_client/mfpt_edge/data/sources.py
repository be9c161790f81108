"""Where a device's examples come from: one file, a folder of splits, a data set of the hub, or the embedded task.

Every source goes the same way: tables, then rows of text and label, then examples of the plan's labels, then splits.

- A device trains on what a source has to train and to validate on, and tests on what it has to test on. Without that,
  a tenth is split off by a stable hash of what a row is a translation of, or of its text, so that adding rows moves no
  other. Which file of a folder is which split, `split_files` says.
- Labels are matched with the plan's, see `labels.match_labels`.
- A row that cannot be used is skipped, with its place and a reason, and never stops the rest. A sentence is one row: a
  word that lacks a label, or has one that the plan does not know, makes all of it unusable.

No text read here goes anywhere but into the device's own training; what is said about rows holds no text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mfpt_edge.data.arrow_tables import read_hub
from mfpt_edge.data.cldr_rows import cldr_rows
from mfpt_edge.data.columns import Columns, Row, check_header, column_notes, rows_of
from mfpt_edge.data.example import Example
from mfpt_edge.data.exports import flattened
from mfpt_edge.data.place import SkippedRow, by_reason
from mfpt_edge.data.readers import read_file
from mfpt_edge.data.sentences import sentences_of
from mfpt_edge.data.split_column import by_split_column
from mfpt_edge.data.split_files import SplitFiles, split_files
from mfpt_edge.data.splits import SourceSplit, divided, subsample
from mfpt_edge.data.table import Table
from mfpt_edge.data.usable import Usable, labels_found, usable
from mfpt_shared.errors import DatasetError, UsageError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import TaskKind
from mfpt_shared.system.names import check_name
from mfpt_shared.texts import printable


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


@dataclass(frozen=True, slots=True)
class Source:
    """What was read of a data set, before its labels are known to mean anything.

    Attributes:
        name: The source, as messages name it.
        kind: Kind of task that it was read for.
        rows: Split -> its rows.
        notes: What was guessed about files and columns.
    """

    name: str
    kind: TaskKind
    rows: Mapping[SourceSplit, Sequence[Row | SkippedRow]]
    notes: tuple[str, ...] = ()

    @property
    def labels(self) -> Mapping[str, int]:
        """Label as the source writes it -> number of times that it occurs."""
        return labels_found(self.rows)


def read_source(
    source: str,
    language: LanguageCode,
    *,
    kind: TaskKind = "classification",
    columns: Columns | None = None,
    labels: Sequence[str] = (),
    max_download: int | None = None,
    development: bool = True,
) -> Source:
    """Read the rows of a data set.

    Args:
        source: `cldr`, a file of one of the `readers`, a folder with train, dev and test files of these kinds, or
            `hf:name`, `hf:org/name`, `hf:org/name/config` for a data set of the hub.
        language: Language of the names that `cldr` gives.
        kind: Kind of the plan's task. With `cldr` and generation, each name is a prompt for the same name in English.
        columns: The columns to read, for sources other than `cldr`.
        labels: Labels of the plan, as far as they are known: a first line that holds one names no columns.
        max_download: Bytes that a data set of the hub may be; None: no limit.
        development: Whether a device also trains on what the source validates on; if not, that is not read.

    Raises:
        NotAllowed: The data set is larger.
        DatasetError: The source cannot be read.
        UsageError: The name after `hf:` is malformed.
    """
    if source == "cldr":
        return Source(source, kind, cldr_rows(language, kind))
    tables, notes = _tables(source, kind, language, max_download, development)
    rows = {name: [row for table in of for row in _rows(table, columns, kind, labels)] for name, of in tables.items()}
    notes += [note for of in tables.values() for table in of for note in _notes(table, columns, kind)]
    return Source(printable(source), kind, rows, tuple(dict.fromkeys(map(printable, notes))))


def dataset_of(
    source: Source,
    language: LanguageCode,
    labels: Sequence[str],
    *,
    renamed: Mapping[str, str] | None = None,
    max_examples: int | None = None,
) -> Dataset:
    """Make examples of the rows of a data set.

    Args:
        source: The rows.
        language: Also decides which examples `max_examples` keeps.
        labels: Labels of the plan, in its order; none for generation.
        renamed: What the owner says that labels mean, see `label_map`; None: he is not asked.
        max_examples: Limit of the training split; the examples kept are the same every time, and each label keeps its
            share as far as possible; of sentences with tagged words, they are any.

    Raises:
        DatasetError: There is no example to train on.
        UsageError: The limit is below 1.
    """
    _check_limit(max_examples)
    found = usable(source.name, source.rows, labels, source.kind, renamed)
    splits = divided(found.examples)
    if not splits.train:
        raise _nothing_to_train_on(source.name, found)
    train = subsample(splits.train, language, max_examples or len(splits.train))
    skipped = (*found.skipped, *splits.left_out)
    notes = (*source.notes, *found.notes, *splits.notes)
    return Dataset(tuple(train), tuple(splits.test), skipped, found.repaired, notes)


def load_dataset(
    source: str,
    language: LanguageCode,
    labels: Sequence[str],
    *,
    kind: TaskKind = "classification",
    columns: Columns | None = None,
    renamed: Mapping[str, str] | None = None,
    max_examples: int | None = None,
    max_download: int | None = None,
    development: bool = True,
) -> Dataset:
    """Read a data set; see `read_source` and `dataset_of` for arguments and errors."""
    _check_limit(max_examples)
    read = read_source(
        source,
        language,
        kind=kind,
        columns=columns,
        labels=labels,
        max_download=max_download,
        development=development,
    )
    return dataset_of(read, language, labels, renamed=renamed, max_examples=max_examples)


def _check_limit(max_examples: int | None) -> None:
    if max_examples is not None and max_examples < 1:
        raise UsageError(f"the limit of training examples must be at least 1, not {max_examples}")


def load_split(
    path: Path,
    labels: Sequence[str],
    columns: Columns | None = None,
    kind: TaskKind = "classification",
    renamed: Mapping[str, str] | None = None,
) -> Loaded:
    """Read the rows of one file for an evaluation: all, or those of its test where a column says the splits.

    Raises:
        DatasetError: The file cannot be read, or holds no example of the plan's labels.
    """
    tables = by_split_column(flattened(read_file(path, kind)))
    rows = {name: _rows(table, columns, kind, labels) for name, table in tables.items()}
    tested = rows.pop("test", [])
    others = [row for of in rows.values() for row in of]
    tested += [SkippedRow(row.place, "not of the test split") for row in others] if tested else others
    found = usable(str(path), {"test": tested}, labels, kind, renamed)
    notes = dict.fromkeys(note for table in tables.values() for note in _notes(table, columns, kind))
    return Loaded(tuple(found.examples["test"]), tuple(found.skipped), found.repaired, (*notes, *found.notes))


def _notes(table: Table, columns: Columns | None, kind: TaskKind) -> list[str]:
    return [f"{table.where}: {note}" for note in (*table.notes, *column_notes(table, columns or Columns(), kind))]


def _nothing_to_train_on(source: str, found: Usable) -> DatasetError:
    said = f"{source}: no example is left to train on"
    if found.examples["train"] and found.examples.get("test"):
        return DatasetError(
            f"{said}: every text to train on is also in the test split, as if one were a copy of the other\n"
            "give other texts to test on, or leave them out: then a tenth is kept for the test"
        )
    if found.examples["train"]:
        return DatasetError(f"{said}, all are for the test: add more rows")
    reasons = ", ".join(f"{count} x {reason}" for reason, count in by_reason(found.skipped).items())
    return DatasetError(f"{said}; skipped in all splits: {reasons or 'none'}")


def _rows(table: Table, columns: Columns | None, kind: TaskKind, labels: Sequence[str]) -> list[Row | SkippedRow]:
    if columns in (None, Columns()):
        check_header(table, labels)
    if kind == "tagging":
        return sentences_of(table, columns or Columns())
    return rows_of(table, columns or Columns(), kind)


def _table(file: Path, kind: TaskKind) -> Table:
    """Read a file; its name may hold bytes that are no text, which no message or JSON can hold."""
    table = flattened(read_file(file, kind))
    return replace(table, where=printable(table.where))


def _tables(
    source: str, kind: TaskKind, language: LanguageCode, max_download: int | None, development: bool
) -> tuple[dict[SourceSplit, list[Table]], list[str]]:
    """Return split -> its tables, and what was guessed about which files these are."""
    if source.startswith("hf:"):
        hub = read_hub(source, max_download, lists=kind == "tagging")
        return {name: [table] for name, table in hub.items() if development or name != "validation"}, []
    path = Path(source)
    try:
        check_name(path)
        path.lstat()
        found = split_files(path, kind, language) if path.is_dir() else SplitFiles({"train": [path]})
    except FileNotFoundError as error:
        raise DatasetError(f"{path}: no such file or folder; give one, or 'cldr', or 'hf:org/name'") from error
    except (OSError, ValueError) as error:  # such as a name that no file can have
        raise DatasetError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    tables = {
        name: [_table(file, kind) for file in files]
        for name, files in found.files.items()
        if development or name != "validation"
    }
    if found.files.keys() == {"train"} and len(tables["train"]) == 1:
        tables = {name: [table] for name, table in by_split_column(tables["train"][0]).items()}
        if not development:
            tables.pop("validation", None)
    return tables, list(found.notes)
