"""The connection to the coordinator's database: whole transactions, its log, and files that go while it runs."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from mfpt_coord.server.stored_errors import DamagedDatabase, explained
from mfpt_coord.server.stored_file import open_database
from mfpt_coord.server.stored_log import Marks, begin_log, file_marks, log_of, read_only
from mfpt_coord.server.stored_schema import checkpoint
from mfpt_shared.atomic import atomic_file
from mfpt_shared.environment import sentence
from mfpt_shared.errors import Damaged, MfptError

MAX_LOG_BYTES: Final = 8 * 2**20

_log = logging.getLogger(__name__)


class _Place(NamedTuple):
    """Device and inode of the files that are at a database's path; None where there is none."""

    database: tuple[int, int] | None
    log: tuple[int, int] | None


class _Content(NamedTuple):
    """What tells whether somebody else has written into a database's file: its size and time, and its marks."""

    stamp: tuple[int, int] | None
    marks: Marks | None


class Database:
    """A coordinator's database. What is not there yet is in memory until it is written as a whole."""

    def __init__(self, path: Path) -> None:
        """Open the file, if there is one.

        Raises:
            Incompatible: Another version of mfpt wrote it.
            Damaged: It is empty, damaged, or another program's.
            InUse: Another program has locked it.
            MfptError: It cannot be read or written.
        """
        self.path = path
        self._problem, self._is_open = "", True
        self._is_lost = False
        self._content = _Content(None, None)
        if path.exists() or path.is_symlink():
            self._open()
        else:
            # A file without tables was damaged, not begun: what is new is on the disk when it is complete.
            self.connection = sqlite3.connect(":memory:", isolation_level=None)
            self._place, self._log_is_empty = _place(path), False

    def _open(self) -> None:
        self.connection = open_database(self.path)
        self._is_open = True
        self._content = _content(self.path)
        self.empty_log()
        self._place = _place(self.path)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make everything durable that is done in the context, or, if it raises, nothing.

        Raises:
            Damaged: The database is damaged, or another file has taken its place.
            InUse: Another program has locked it.
            MfptError: The disk is full, read-only or away.
            sqlite3.IntegrityError: What is to be saved is there already.
        """
        try:
            self._see_to_files()
        except sqlite3.Error as error:
            raise explained(error, self.path) from error
        except OSError as error:
            raise MfptError(f"cannot use {self.path}: {sentence(error)}") from error
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            if self._log_is_empty:
                begin_log(self.connection)
            yield
            self.connection.execute("COMMIT")
        except BaseException as error:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.IntegrityError):
                raise explained(error, self.path) from error
            raise
        self._log_is_empty = False

    def empty_log(self) -> bool:
        """Move what is in the log into the file, and tell whether that could be done now.

        Raises:
            Damaged: Somebody else has written into the file.
        """
        self._see_to_content()
        problem = checkpoint(self.connection)
        if problem not in ("", self._problem):
            _log.warning("folded updates may still be in the database's log (%s); trying again", problem)
        self._problem, self._log_is_empty = problem, not problem
        self._content = _content(self.path)
        return self._log_is_empty

    @property
    def log_is_long(self) -> bool:
        """Whether the log has grown so much that it should be emptied."""
        try:
            return log_of(self.path).stat().st_size > MAX_LOG_BYTES
        except OSError:
            return False

    def write(self) -> None:
        """Write everything into the file at once, and go on with that file.

        Raises:
            MfptError: It cannot be written.
        """
        try:
            with atomic_file(self.path) as made:
                self.connection.execute("VACUUM INTO ?", (str(made),))
                if self.path.exists():  # some systems do not replace a file that is open
                    self._let_go()
                # It belonged to a file that has gone.
                log_of(self.path).unlink(missing_ok=True)
        except sqlite3.Error as error:
            raise explained(error, self.path) from error
        except OSError as error:
            raise MfptError(f"cannot write {self.path}: {error.strerror}") from error
        self._let_go()
        self._open()

    def close(self) -> None:
        """Close it.

        Raises:
            MfptError: The next start would not find what was committed; said once.
        """
        try:
            if self._is_open:
                self._see_to_files()
        finally:
            self._let_go()

    def _let_go(self) -> None:
        self._is_open = False
        self.connection.close()

    def _see_to_files(self) -> None:
        """See that a commit reaches the files that the next start will read.

        Raises:
            Damaged: Another file has taken the database's place.
            MfptError: What has gone cannot be written again.
            sqlite3.Error: The same.
            OSError: The same.
        """
        if not self._is_open:  # what was written again could not be opened at once
            self._open()
        found = _place(self.path)
        if found == self._place or self._is_lost:
            self._see_to_content()
            return
        if found.database is None and self.path.parent.exists():
            self.write()
            _log.warning("somebody removed %s: it was written again, and nothing is lost", self.path)
        elif found.database == self._place.database:
            if not self.empty_log():
                raise MfptError(
                    f"somebody removed {log_of(self.path)}, which is needed ({self._problem}): trying again"
                )
            self._let_go()
            self._open()
            _log.warning("somebody removed %s: it was begun again, and nothing is lost", log_of(self.path))
        else:
            raise self._replaced()

    def _see_to_content(self) -> None:
        """See that nobody else has written into the file, which changes only when the log is emptied.

        Raises:
            Damaged: Somebody has, and this connection is closed; its log stays, and the next start will not take it.
        """
        if self._is_lost or (stamp := _stamp(self.path)) == self._content.stamp or _place(self.path) != self._place:
            return
        if file_marks(self.path) == self._content.marks:
            self._content = self._content._replace(stamp=stamp)
            return
        self._is_lost = True
        # The last connection to be closed would empty the log into the file: let that be one that may not write.
        with suppress(sqlite3.Error), closing(read_only(self.path)) as last:
            last.execute("SELECT 1 FROM sqlite_master")
            self.connection.close()
        raise DamagedDatabase(f"somebody wrote over {self.path} while the coordinator ran")

    def _replaced(self) -> Damaged:
        """Return the error for a database whose folder has gone, or in whose place another file is; save it first."""
        self._is_lost = True
        rescued = self.path.with_suffix(".rescued")
        with atomic_file(rescued) as made:
            self.connection.execute("VACUUM INTO ?", (str(made),))
        return Damaged(
            f"somebody moved or replaced {self.path} while the coordinator ran; what it held is in {rescued}: give the "
            "right one the first name, and start the coordinator again"
        )


def _place(path: Path) -> _Place:
    return _Place(_inode(path), _inode(log_of(path)))


def _content(path: Path) -> _Content:
    return _Content(_stamp(path), file_marks(path))


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
