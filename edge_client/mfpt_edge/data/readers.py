"""Which reader reads a file: its suffix says so."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mfpt_edge.data.arrow_tables import read_parquet, read_parquet_lists
from mfpt_edge.data.conll import read_conll
from mfpt_edge.data.file_names import suffix_of
from mfpt_edge.data.json_tables import read_json
from mfpt_edge.data.separated import read_columns, read_csv, read_tsv
from mfpt_edge.data.table import Reader, Table
from mfpt_shared.errors import DatasetError
from mfpt_shared.plan import TaskKind
from mfpt_shared.system.names import check_name

READERS: Final[Mapping[str, Reader]] = {
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".tab": read_tsv,
    ".txt": read_columns,
    ".jsonl": read_json,
    ".json": read_json,
    ".ndjson": read_json,
    ".parquet": read_parquet,
}
TAGGED_READERS: Final[Mapping[str, Reader]] = {
    ".conll": read_conll,
    ".conllu": read_conll,
    ".txt": read_conll,
    ".tsv": read_conll,
    ".jsonl": read_json,
    ".json": read_json,
    ".ndjson": read_json,
    ".parquet": read_parquet_lists,
}

_SHEET: Final = "a spreadsheet: save the sheet as CSV in UTF-8 (in Excel: Save As, CSV UTF-8) and give that file"
_DOCUMENT: Final = "a document: save its table as CSV in UTF-8 and give that file"
_PACKED: Final = "packed: unpack it, or pack it with gzip, and give that file"
_INSTEAD: Final[Mapping[str, str]] = {
    **dict.fromkeys((".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers"), _SHEET),
    **dict.fromkeys((".docx", ".doc", ".odt", ".rtf", ".pdf"), _DOCUMENT),
    **dict.fromkeys((".zip", ".7z", ".rar", ".tar", ".tgz", ".xz", ".bz2", ".zst"), _PACKED),
}
"""Files that people have, and what to do with them."""


def readers(kind: TaskKind) -> Mapping[str, Reader]:
    """Return suffix -> its reader, for a kind of task."""
    return TAGGED_READERS if kind == "tagging" else READERS


def read_file(path: Path, kind: TaskKind = "classification") -> Table:
    """Read a CSV, TSV, JSON or Parquet file; where words are labelled, a CoNLL, CoNLL-U, JSON or Parquet file.

    Raises:
        DatasetError: The file cannot be read, or is not of the format that its suffix says.
        NotInstalled: The format needs a library that is not installed.
    """
    reader = readers(kind).get(suffix_of(path))
    try:
        check_name(path)
        if reader is not None:
            return reader(path)
        path.open("rb").close()
    except FileNotFoundError as error:
        raise DatasetError(f"{path}: no such file") from error
    except OSError as error:
        if path.is_dir():  # Windows says that access is denied
            raise DatasetError(f"{path} is a folder: give a file in it") from error
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # a name that no file can have
        raise DatasetError(f"{path} cannot be read: {error}") from error
    raise DatasetError(f"{path} is {_other_kind(path, kind)}")


def _other_kind(path: Path, kind: TaskKind) -> str:
    """Return what a file is that no reader reads, and what to do."""
    suffix = suffix_of(path)
    if suffix in _INSTEAD:
        return _INSTEAD[suffix]
    what = "a file of labelled words, as this task needs" if kind == "tagging" else "a data file of this kind of task"
    hint = (
        "; it may be one of labelled words (see `mfpt-edge data show --kind tagging`)"
        if suffix in TAGGED_READERS
        else ""
    )
    return f"not {what}: its name must end in {', '.join(readers(kind))}, or in one of these and .gz{hint}"
