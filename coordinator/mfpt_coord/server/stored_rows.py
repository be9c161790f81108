"""What the SQL of the store needs of a database engine: statements that SQLite and PostgreSQL read alike."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol


class Found(Protocol):
    """Rows that a statement has found."""

    def fetchone(self) -> Any:  # noqa: ANN401 - a row has whatever columns the statement names
        """Return the next row; None if there is none."""

    def fetchall(self) -> list[Any]:
        """Return all rows that are left."""

    def __iter__(self) -> Iterator[Any]:
        """Return the rows one by one."""


class Rows(Protocol):
    """A connection, in a transaction or not. Values are marked `?`, or `:name` where a mapping gives them."""

    def execute(self, query: str, values: Sequence[Any] | Mapping[str, Any] = (), /) -> Found:
        """Run a statement."""

    def executemany(self, query: str, rows: Iterable[Sequence[Any]], /) -> object:
        """Run a statement once for each row of values."""


def upsert(table: str, columns: Sequence[str], keys: int = 1) -> str:
    """Return a statement that writes a row, in place of the one with the same key.

    Args:
        table: Name of the table.
        columns: Names of its columns, those of the key first.
        keys: Number of columns of the key.
    """
    marks = ", ".join("?" * len(columns))
    changes = ", ".join(f"{column} = excluded.{column}" for column in columns[keys:])
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) "  # noqa: S608 - names of our own tables
        f"ON CONFLICT ({', '.join(columns[:keys])}) DO UPDATE SET {changes}"
    )
