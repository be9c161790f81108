"""Readers of Arrow tables: Parquet files, and data sets of the hub."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mfpt_edge.data.cells import Odd
from mfpt_edge.data.splits import SourceSplit, known_splits
from mfpt_edge.data.table import Record, Table, listed
from mfpt_shared.backbones.hub import data_name, measured_data
from mfpt_shared.errors import DatasetError, NotInstalled, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

_SHORT: Final = 4
_LONGEST_TYPE: Final = 40


def read_parquet(path: Path, *, lists: bool = False) -> Table:
    """Read a Parquet file; `lists`: also columns that hold lists of words or labels."""
    try:
        import pyarrow as pa  # noqa: PLC0415 - of the `data` extra
        import pyarrow.parquet as pq  # noqa: PLC0415 - part of the `data` extra
    except ImportError as error:
        raise NotInstalled(f"{path}: Parquet files need pyarrow: pip install 'mfpt[data]'") from error
    try:
        # ParquetFile, because read_table would take folder names such as `lang=sw` for columns.
        with pq.ParquetFile(path) as file:
            table = file.read()
        return _arrow_table(str(path), table, table.schema, lists=lists)
    except (ValueError, pa.ArrowException) as error:
        raise DatasetError(f"{path} is not a readable Parquet file: {str(error).partition(chr(10))[0]}") from error


def read_parquet_lists(path: Path) -> Table:
    """Read a Parquet file with columns of lists."""
    return read_parquet(path, lists=True)


def read_hub(source: str, max_download: int | None = None, *, lists: bool = False) -> dict[SourceSplit, Table]:
    """Read a data set through the `datasets` library, which caches it and (from its version 4 on) runs no code of it.

    Args:
        source: `hf:` and the name of a data set, see `hub.data_name`.
        max_download: Bytes that the whole data set may be; None: no limit.
        lists: Whether columns with lists of words or labels are read too.

    Raises:
        NotAllowed: It is larger.
        UsageError: The source does not name a data set of the hub, or something here has the same name.
    """
    name, config = data_name(source)
    # The library would read a file or folder of that name instead.
    if Path(name).exists():
        raise UsageError(
            f"{source} is a data set of the hub, but there is a {name!r} in this folder too: run elsewhere"
        )
    try:
        import datasets  # noqa: PLC0415 - of the `data` extra
    except ImportError as error:
        raise NotInstalled(f"{source} needs the datasets library: pip install 'mfpt[data]'") from error
    try:
        revision = None if max_download is None else measured_data(name, max_download)
        loaded = datasets.load_dataset(name, config, revision=revision)
    except (datasets.exceptions.DatasetsError, OSError, ValueError) as error:
        raise DatasetError(f"{source} cannot be loaded: {str(error).partition(chr(10))[0]}") from error
    known = known_splits(source, list(loaded))
    unused = [name for name in loaded if name not in known.values()]
    return {
        split: _arrow_table(
            f"{source} {name}",
            loaded[name].with_format("arrow")[:],
            loaded[name].features.arrow_schema,
            lists=lists,
            notes=(f"splits that are not used: {listed(unused)}",) if unused and split == "train" else (),
        )
        for split, name in known.items()
    }


def _arrow_table(
    where: str, table: "pa.Table", schema: "pa.Schema", *, lists: bool, notes: tuple[str, ...] = ()
) -> Table:
    """Take over the columns of text and numbers; numbers with names in the schema become those names.

    What is neither, nor short lists of these, is costly or impossible to convert: its cells say what they are.

    Args:
        where: The source, as messages name it.
        table: What it holds.
        schema: Its columns, with what the `datasets` library notes about them.
        lists: Whether longer lists of texts and numbers are taken over too.
        notes: What was guessed.
    """
    names = _class_names(schema)
    cells: dict[str, list[object]] = {}
    for position, field in enumerate(schema):
        column = table.column(position)
        if not (_is_cell_type(field.type) or (_is_list_type(field.type) and (lists or _are_short(column)))):
            cells[field.name] = [Odd(f"values of type {str(field.type)[:_LONGEST_TYPE]}")] * len(column)
            continue
        values = column.to_pylist()
        cells[field.name] = (
            [_class_name(names[field.name], value) for value in values] if field.name in names else values
        )
    rows = (dict(zip(cells, values, strict=True)) for values in zip(*cells.values(), strict=True))
    records = [Record(number, row) for number, row in enumerate(rows, start=1)]
    return Table(where, tuple(schema.names), records, notes)


def _is_cell_type(kind: "pa.DataType") -> bool:
    """Whether values become `str`, `bool`, `int`, `float` or `None`."""
    from pyarrow import types  # noqa: PLC0415 - part of the `data` extra

    value = kind.value_type if types.is_dictionary(kind) else kind
    texts = (types.is_string, types.is_large_string, types.is_string_view)
    tests = (*texts, types.is_boolean, types.is_integer, types.is_floating, types.is_null)
    return any(test(value) for test in tests)


def _is_list_type(kind: "pa.DataType") -> bool:
    """Whether values become lists of what cells become."""
    from pyarrow import types  # noqa: PLC0415 - part of the `data` extra

    tests = (types.is_list, types.is_large_list, types.is_fixed_size_list)
    return any(test(kind) for test in tests) and _is_cell_type(kind.value_type)


def _are_short(column: "pa.ChunkedArray") -> bool:
    """Whether lists hold about one value each, as labels in lists do, unlike vectors."""
    import pyarrow.compute as pc  # noqa: PLC0415 - part of the `data` extra

    return bool((pc.mean(pc.list_value_length(column)).as_py() or 0) <= _SHORT)


def _class_names(schema: "pa.Schema") -> dict[str, list[str]]:
    """Return column -> names of its integers, as the `datasets` library notes them in the schema.

    Such an index counts that data set's own names, whose order need not be the plan's.
    """
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        labels = {column: _element(of) for column, of in features.items()}
        return {column: list(of["names"]) for column, of in labels.items() if of.get("_type") == "ClassLabel"}
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return {}


def _element(feature: Any) -> Any:  # noqa: ANN401 - JSON
    """Return what a list holds, in each of the ways in which versions of the library note it, or a cell itself."""
    if isinstance(feature, list):
        return feature[0]
    return feature.get("feature", feature)


def _class_name(names: Sequence[str], value: object) -> object:
    """Return the name of an index, or of each in a list; -1 is how hub data sets mark a row without a label."""
    if isinstance(value, list):
        return [_class_name(names, one) for one in value]
    if not isinstance(value, int):
        return value
    return names[value] if 0 <= value < len(names) else None
