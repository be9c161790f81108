"""Which reader reads a file: its suffix says so."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mfpt_edge.data.arrow_tables import read_parquet, read_parquet_lists
from mfpt_edge.data.conll import read_conll
from mfpt_edge.data.table import Reader, Table
from mfpt_edge.data.text_tables import read_csv, read_json_lines, read_tsv
from mfpt_shared.errors import DatasetError
from mfpt_shared.plan import TaskKind

READERS: Final[Mapping[str, Reader]] = {
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".jsonl": read_json_lines,
    ".parquet": read_parquet,
}
TAGGED_READERS: Final[Mapping[str, Reader]] = {
    ".conll": read_conll,
    ".conllu": read_conll,
    ".txt": read_conll,
    ".tsv": read_conll,
    ".jsonl": read_json_lines,
    ".parquet": read_parquet_lists,
}


def readers(kind: TaskKind) -> Mapping[str, Reader]:
    """Return suffix -> its reader, for a kind of task."""
    return TAGGED_READERS if kind == "tagging" else READERS


def read_file(path: Path, kind: TaskKind = "classification") -> Table:
    """Read a CSV, TSV, JSONL or Parquet file; where words are labelled, a CoNLL, CoNLL-U, JSONL or Parquet file.

    Raises:
        DatasetError: The file cannot be read, or is not of the format that its suffix says.
        NotInstalled: The format needs a library that is not installed.
    """
    reader = readers(kind).get(path.suffix.lower())
    try:
        if reader is not None:
            return reader(path)
        path.open("rb").close()
    except FileNotFoundError as error:
        raise DatasetError(f"{path}: no such file or folder; give one, or 'cldr', or 'hf:org/name'") from error
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # a name that no file can have
        raise DatasetError(f"{path} cannot be read: {error}") from error
    what = "a file of labelled words, as this task needs" if kind == "tagging" else "a data file of this kind of task"
    raise DatasetError(f"{path} is not {what}: its name must end in {', '.join(readers(kind))}{_hint(path, kind)}")


def _hint(path: Path, kind: TaskKind) -> str:
    if kind != "tagging" and path.suffix.lower() in TAGGED_READERS:
        return "; it may be one of labelled words (see `mfpt-edge data show --kind tagging`)"
    return ""
