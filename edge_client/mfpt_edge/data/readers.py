"""Which reader reads a file: its suffix says so."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mfpt_edge.data.arrow_tables import read_parquet
from mfpt_edge.data.table import Reader, Table
from mfpt_edge.data.text_tables import read_csv, read_json_lines, read_tsv
from mfpt_shared.errors import DatasetError

READERS: Final[Mapping[str, Reader]] = {
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".jsonl": read_json_lines,
    ".parquet": read_parquet,
}
SUFFIXES: Final = tuple(READERS)


def read_file(path: Path) -> Table:
    """Read a CSV, TSV, JSONL or Parquet file.

    Raises:
        DatasetError: The file cannot be read, or is not of the format that its suffix says.
        NotInstalled: The format needs a library that is not installed.
    """
    reader = READERS.get(path.suffix.lower())
    try:
        if reader is not None:
            return reader(path)
        path.open("rb").close()
    except FileNotFoundError as error:
        raise DatasetError(f"{path}: no such file or folder; give one, or 'cldr', or 'hf:org/name'") from error
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise DatasetError(f"{path} cannot be read: {error}") from error
    raise DatasetError(f"{path} is not a data file; the name must end in {', '.join(SUFFIXES)}")
