"""A connection to PostgreSQL that reads the statements which SQLite reads, and reports what goes wrong in words."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

from mfpt_coord.server.stored_errors import StoreLost
from mfpt_coord.server.stored_rows import Found
from mfpt_shared.errors import AuthenticationFailed, ConnectionFailed, MfptError, NotInstalled, UsageError

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")

DATABASE_SCHEMA: Final = "mfpt"
"""Name of the schema that holds the tables, so that nothing else in the database is in the way."""
# A machine that has lost its power says nothing: after so long, the server takes its connection for dead.
_ALIVE: Final = "-c tcp_keepalives_idle=3 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3"
_CONNECT_SECONDS: Final = 10
_REFUSED: Final = re.compile(
    r"password authentication failed|no password supplied|no pg_hba\.conf entry|role .* does not exist"
)
_MARK: Final = re.compile(r"\?|:(\w+)")


class PostgresRows:
    """Rows in a PostgreSQL database.

    Attributes:
        name: The database, as messages name it: without user and password.
    """

    def __init__(self, url: str) -> None:
        """Connect.

        Args:
            url: A connection URI, `postgresql://user@host/database`.

        Raises:
            NotInstalled: psycopg is not installed.
            UsageError: The URI cannot be read.
            AuthenticationFailed: The server does not accept the user.
            ConnectionFailed: It cannot be reached.
        """
        try:
            import psycopg  # noqa: PLC0415 - of the `postgres` extra
        except ImportError as error:
            raise NotInstalled("--store postgresql:// needs psycopg: pip install 'mfpt[postgres]'") from error
        self._errors = psycopg
        try:
            options = f"-c search_path={DATABASE_SCHEMA} {_ALIVE}"
            self._connection = psycopg.connect(
                url,
                autocommit=True,
                connect_timeout=_CONNECT_SECONDS,
                options=options,
                application_name="mfpt-coord",
                keepalives_idle=3,
                keepalives_interval=2,
                keepalives_count=3,
            )
        except psycopg.ProgrammingError as error:
            raise UsageError(f"--store cannot be read: {_first_line(error)}") from error
        except psycopg.OperationalError as error:
            raise _not_connected(error) from error
        info = self._connection.info
        self.name: Final = f"database {info.dbname} at {info.host or 'this machine'}"

    def execute(self, query: str, values: Sequence[Any] | Mapping[str, Any] = (), /) -> Found:
        """See Rows.execute.

        Raises:
            StoreLost: The server does not answer any more.
            MfptError: The statement failed.
        """
        return self._told(lambda: self._connection.execute(_translated(query), _clean(values)))

    def executemany(self, query: str, rows: Iterable[Sequence[Any]], /) -> None:
        """See Rows.executemany.

        Raises:
            StoreLost: The server does not answer any more.
            MfptError: The statement failed.
        """
        cleaned = [_clean(row) for row in rows]
        if cleaned:
            self._told(lambda: self._connection.cursor().executemany(_translated(query), cleaned))

    def run(self, script: str) -> None:
        """Run several statements that hold no marks."""
        self._told(lambda: self._connection.execute(script))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make everything durable that is done in the context, or, if it raises, nothing.

        Raises:
            StoreLost: The server does not answer any more; whether the last transaction is durable is not known.
            MfptError: It cannot be made durable now.
        """
        try:
            with self._connection.transaction():
                yield
        except self._errors.Error as error:
            raise self._explained(error) from error

    def close(self) -> None:
        """Close the connection, and let go of what it has locked."""
        self._connection.close()

    def _told(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except self._errors.Error as error:
            raise self._explained(error) from error

    def _explained(self, error: "psycopg.Error") -> MfptError:
        if self._connection.closed or self._connection.broken:
            return StoreLost(f"lost the {self.name} ({_first_line(error)}); start again when it is back")
        return MfptError(f"cannot use the {self.name}: {_first_line(error)}")


def _not_connected(error: "psycopg.OperationalError") -> MfptError:
    line = _first_line(error)
    if _REFUSED.search(str(error)):
        return AuthenticationFailed(
            f"--store: {line}; see the user and password in the URL, in PGPASSWORD, or in ~/.pgpass"
        )
    return ConnectionFailed(f"--store: {line}; is PostgreSQL running there, and does the database exist?")


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


@lru_cache(maxsize=256)
def _translated(query: str) -> str:
    """Return a statement with psycopg's marks for values."""
    return _MARK.sub(lambda mark: f"%({mark[1]})s" if mark[1] else "%s", query.replace("%", "%%"))


def _clean(values: Sequence[Any] | Mapping[str, Any]) -> Sequence[Any] | Mapping[str, Any]:
    """Return values as PostgreSQL takes them: its texts hold no zero bytes."""
    if isinstance(values, Mapping):
        return {name: _cleaned(value) for name, value in values.items()}
    return [_cleaned(value) for value in values]


def _cleaned(value: object) -> object:
    return value.replace("\0", "") if isinstance(value, str) else value
