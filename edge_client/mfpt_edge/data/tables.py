"""From files and hub data sets to tables: rows of named cells, whatever the format.

A row that breaks the format is kept as `None`, to be counted; a file that does is a `DatasetError`.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mfpt_edge.data.splits import SPLIT_NAMES, SplitName
from mfpt_shared.errors import DatasetError, NotInstalled, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES: Final = (".csv", ".tsv", ".jsonl", ".parquet")
_SHOWN: Final = 5  # labels or columns of the source that a message lists


@dataclass(frozen=True, slots=True)
class Table:
    """A source as read; `None` stands for a row that breaks the format."""

    where: str
    columns: tuple[str, ...]
    rows: Sequence[Mapping[str, object] | None]


def read_file(path: Path) -> Table:
    """Read a CSV, TSV, JSONL or Parquet file; its suffix says which.

    Raises:
        DatasetError: it cannot be read, or is no such file throughout.
    """
    suffix = path.suffix.lower()
    try:
        if suffix not in SUFFIXES and path.is_file():
            raise DatasetError(f"{path}: not a data file; the name must end in {', '.join(SUFFIXES)}")
        if suffix == ".parquet":
            return _read_parquet(path)
        text = _decode(path)
    except FileNotFoundError as error:
        raise DatasetError(f"{path}: no such file or folder; give one, or 'cldr', or 'hf:org/name'") from error
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise DatasetError(f"{path} cannot be read: {error}") from error
    if not text.strip():
        raise DatasetError(f"{path} is empty")
    return _parse_json_lines(str(path), text) if suffix == ".jsonl" else _parse_delimited(str(path), text, suffix)


def _decode(path: Path) -> str:
    try:
        return path.read_bytes().decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error


def _parse_json_lines(where: str, text: str) -> Table:
    """Parse one object a line; only line feeds end a line, since JSON strings may hold other separators."""
    rows: list[Mapping[str, object] | None] = []
    columns: dict[str, None] = {}
    for line in text.split("\n"):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        rows.append(value if isinstance(value, dict) else None)
        columns |= dict.fromkeys(rows[-1] or ())
    if not columns:
        raise DatasetError(f"{where}: none of its {len(rows)} lines is a JSON object with a text and a label")
    return Table(where, tuple(columns), rows)


def _parse_delimited(where: str, text: str, suffix: str) -> Table:
    """Parse CSV, with commas or, as spreadsheets write it in many countries, semicolons; or TSV."""
    first = text.partition("\n")[0]
    delimiter = "\t" if suffix == ".tsv" else ";" if "," not in first and ";" in first else ","
    lines = _records(where, text, delimiter)
    header = tuple(name.strip() for name in lines[0])
    return Table(where, header, [_record(header, line) for line in lines[1:]])


def _records(where: str, text: str, delimiter: str) -> list[list[str]]:
    """Return the records that are not blank."""
    with _unlimited_fields(text):
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        try:
            return [line for line in reader if line]
        except csv.Error as error:
            if delimiter != "\t":
                raise DatasetError(
                    f"{where}, line {reader.line_num}: {error}; quote a field that holds quotes, and double them"
                ) from error
        # Many TSV files quote nothing, and then a text may well begin with a quotation mark.
        raw = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=csv.QUOTE_NONE)
        return [line for line in raw if line]


@contextmanager
def _unlimited_fields(text: str) -> Iterator[None]:
    """Let a field be as long as the text; the csv module keeps this limit, 128 KiB, for the whole process."""
    before = csv.field_size_limit(len(text) + 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _record(header: Sequence[str], line: Sequence[str]) -> dict[str, object] | None:
    """Pair a line with the header; too few fields, or more that are not empty, would put texts under wrong columns."""
    if len(line) < len(header) or any(line[len(header) :]):
        return None
    return dict(zip(header, line, strict=False))


def _read_parquet(path: Path) -> Table:
    try:
        import pyarrow as pa  # noqa: PLC0415 - of the `data` extra
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError as error:
        raise NotInstalled(f"{path}: Parquet files need pyarrow: pip install 'mfpt[data]'") from error
    try:
        # ParquetFile, because read_table would take folder names such as `lang=sw` for columns.
        with pq.ParquetFile(path) as file:
            table = file.read()
        return _arrow_table(str(path), table, table.schema)
    except (ValueError, pa.ArrowException) as error:
        raise DatasetError(f"{path} is not a readable Parquet file: {str(error).partition(chr(10))[0]}") from error


def _arrow_table(where: str, table: "pa.Table", schema: "pa.Schema") -> Table:
    """Take over the columns of text and whole numbers; numbers with names in the schema become those names."""
    names = _class_names(schema)
    cells: dict[str, list[object]] = {}
    for position, field in enumerate(schema):
        if not _is_cell_type(field.type):
            continue
        values = table.column(position).to_pylist()
        cells[field.name] = (
            [_class_name(names[field.name], value) for value in values] if field.name in names else values
        )
    rows = [dict(zip(cells, values, strict=True)) for values in zip(*cells.values(), strict=True)]
    return Table(where, tuple(schema.names), rows)


def _is_cell_type(kind: "pa.DataType") -> bool:
    """Whether values become `str`, `int` or `None`; lists, images and times are costly or impossible to convert."""
    from pyarrow import types  # noqa: PLC0415

    value = kind.value_type if types.is_dictionary(kind) else kind
    tests = (types.is_string, types.is_large_string, types.is_string_view, types.is_integer, types.is_null)
    return any(test(value) for test in tests)


def _class_names(schema: "pa.Schema") -> dict[str, list[str]]:
    """Return column -> names of its integers, as the `datasets` library notes them in the schema.

    Such an index counts that data set's own names, whose order need not be the plan's.
    """
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {column: list(of["names"]) for column, of in features.items() if of.get("_type") == "ClassLabel"}
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}


def _class_name(names: Sequence[str], value: object) -> object:
    """Return the name of an index; -1 is how hub data sets mark a row without a label."""
    if not isinstance(value, int):
        return value
    return names[value] if 0 <= value < len(names) else None


def parse_hub_source(source: str) -> tuple[str, str | None]:
    """Split `hf:name`, `hf:org/name` or `hf:org/name/config` into the data set's id and its configuration.

    Raises:
        UsageError: it has another form.
    """
    parts = source.removeprefix("hf:").split("/")
    if len(parts) > 3 or not all(part.strip() == part != "" for part in parts):
        raise UsageError(f"{source!r} names no data set: write hf:name, hf:org/name or hf:org/name/config")
    return "/".join(parts[:2]), parts[2] if len(parts) == 3 else None


def read_hub(source: str) -> dict[SplitName, Table]:
    """Read a data set through the `datasets` library, which caches it and runs no code of its author."""
    name, config = parse_hub_source(source)
    try:
        import datasets  # noqa: PLC0415 - of the `data` extra
    except ImportError as error:
        raise NotInstalled(f"{source} needs the datasets library: pip install 'mfpt[data]'") from error
    try:
        loaded = datasets.load_dataset(name, config)
    except (datasets.exceptions.DatasetsError, OSError, ValueError) as error:
        raise DatasetError(f"{source} cannot be loaded: {str(error).partition(chr(10))[0]}") from error
    known = {SPLIT_NAMES[split]: data for split, data in loaded.items() if split in SPLIT_NAMES}
    if "train" not in known:
        raise DatasetError(f"{source}: no train split; it has {listed(list(loaded))}")
    return {
        split: _arrow_table(f"{source} {split}", data.with_format("arrow")[:], data.features.arrow_schema)
        for split, data in known.items()
    }


def listed(names: Sequence[str], shown: int = _SHOWN) -> str:
    """Return the first names, quoted and cut, for a message."""
    quoted = [repr(name if len(name) <= 40 else name[:39] + "…") for name in names[:shown]]
    return ", ".join([*quoted, f"and {len(names) - shown} more"] if len(names) > shown else quoted)
