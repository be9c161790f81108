"""What every reader makes of a source: rows of named cells, each with where it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from mfpt_edge.data.place import Place

_SHOWN: Final = 5  # labels or columns of the source that a message lists


class Record(NamedTuple):
    """One row of a source.

    Attributes:
        row: Line or number, see `Place`.
        cells: Column -> cell; None: the row breaks the format.
        fault: How it breaks the format, in words that hold nothing of its text.
    """

    row: int
    cells: Mapping[str, object] | None
    fault: str = "broken row"


@dataclass(frozen=True, slots=True)
class Table:
    """A source as read.

    Attributes:
        where: The source, as messages name it.
        columns: Names of the columns, in their order.
        records: All rows, also those that break the format.
        notes: What the reader guessed, in words that hold no text of the file; names of columns are `listed`.
    """

    where: str
    columns: tuple[str, ...]
    records: Sequence[Record]
    notes: tuple[str, ...] = ()

    def place(self, record: Record) -> Place:
        """Return where a row is."""
        return Place(self.where, record.row)


class Reader(Protocol):
    """Reads files of one format."""

    def __call__(self, path: Path) -> Table:
        """Read a file.

        A row that breaks the format is a record without cells.

        Raises:
            DatasetError: The file as a whole breaks the format.
            NotInstalled: The format needs a library that is not installed.
            OSError: The file cannot be opened.
        """


def listed(names: Sequence[str], shown: int = _SHOWN) -> str:
    """Return the first names, quoted and cut, for a message."""
    quoted = [repr(name if len(name) <= 40 else name[:39] + "…") for name in names[:shown]]
    return ", ".join([*quoted, f"and {len(names) - shown} more"] if len(names) > shown else quoted)
