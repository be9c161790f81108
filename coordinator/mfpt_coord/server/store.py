"""The coordinator's durable state in SQLite: plan, devices, accepted updates, prompts, and how they came about.

A commit is one transaction, and it is on the disk when it returns. Whenever the process dies, `load` returns the state
after the last commit.
"""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from mfpt_coord.core.effects import (
    Durable,
    SaveFold,
    SaveRollback,
)
from mfpt_coord.core.state import State
from mfpt_coord.server.stored_database import Database
from mfpt_coord.server.stored_effects import create, holds, put_meta, save
from mfpt_coord.server.stored_forgetting import forget
from mfpt_coord.server.stored_schema import SCHEMA
from mfpt_coord.server.stored_state import prompt_of
from mfpt_coord.server.stored_values import load_state, meta
from mfpt_shared.errors import InUse
from mfpt_shared.keys import PublicKey
from mfpt_shared.languages import LanguageCode
from mfpt_shared.run_numbers import next_run
from mfpt_shared.tensors import Array


class Store(Protocol):
    """Where the coordinator keeps what must survive a crash."""

    def load(self) -> State | None:
        """Return the state after the last commit; None if the store is new.

        Raises:
            Damaged: What it holds cannot be read.
        """

    def create(self, state: State, coordinator: str) -> None:
        """Start a new store with a plan, its first prompts, and the coordinator's id."""

    def commit(self, effects: Iterable[Durable]) -> None:
        """Make all of these effects durable, or none of them.

        Raises:
            Damaged: Nothing can be saved any more.
            MfptError: They cannot be saved now.
        """

    def holds(self, client: str, sequence: int, digest: bytes) -> bool:
        """Tell whether the update with this digest was committed as this one of this device, among its newest ones."""

    def prompt(self, language: LanguageCode, version: int) -> Array | None:
        """Return a language's prompt as of exactly this version, flat, [values] float32; None: it is not kept."""

    def erase(self) -> None:
        """Overwrite on the disk what the last commits removed; this takes longer than a commit, and may wait."""

    def close(self) -> None:
        """Close the store."""


class RunStore(Store, Protocol):
    """A store on which runs of a coordinator begin."""

    @property
    def coordinator(self) -> str:
        """Id of the coordinator that this store belongs to."""

    @property
    def key(self) -> PublicKey | None:
        """The key by which devices know the coordinator; None if no run has begun that noted it."""

    @property
    def has_run(self) -> bool:
        """Whether a run has begun on this store."""

    def begin_run(self, now: float, key: PublicKey) -> int:
        """Begin a run, on the disk already.

        Args:
            now: Unix seconds.
            key: The coordinator's public key.

        Returns:
            The run's epoch, higher than all before.
        """

    def forget(self, now: float) -> None:
        """Remove what need not be kept any longer, as every fold does: for a start, after which none may come for long.

        Args:
            now: Unix seconds.
        """


class SqliteStore:
    """A Store in one SQLite file."""

    def __init__(self, path: Path, keep: float = 0.0) -> None:
        """Open the file; one of an older version is upgraded. Where there is none, `create` makes it.

        Args:
            path: Path of the file.
            keep: How long folded updates and replaced prompts are kept, seconds; infinite: for ever.

        Raises:
            Incompatible: The file was written by another version of mfpt.
            Damaged: The file is empty, damaged, or another program's.
            InUse: Another program has locked it.
            MfptError: It cannot be read or written.
        """
        self._path, self._keep = path, keep
        self._has_removed = False
        self._database = Database(path)

    @property
    def _db(self) -> sqlite3.Connection:
        return self._database.connection

    @property
    def coordinator(self) -> str:
        """See RunStore.coordinator."""
        return self._meta("coordinator").decode()

    @property
    def key(self) -> PublicKey | None:
        """See RunStore.key."""
        return PublicKey(self._meta("key", b"")) or None

    @property
    def has_run(self) -> bool:
        """See RunStore.has_run."""
        return bool(self._meta("epoch", b""))

    def begin_run(self, now: float, key: PublicKey) -> int:
        """See RunStore.begin_run."""
        epoch = next_run(int(self._meta("epoch", b"0")), now)
        with self._database.transaction():
            put_meta(self._db, "epoch", b"%d" % epoch)
            put_meta(self._db, "key", key)
        return epoch

    def create(self, state: State, coordinator: str) -> None:
        """See Store.create."""
        with self._db:
            self._db.executescript(f"BEGIN; {SCHEMA}")
            create(self._db, state, coordinator)
            self._db.execute("COMMIT")
        self._database.write()

    def commit(self, effects: Iterable[Durable]) -> None:
        """See Store.commit."""
        with self._database.transaction():
            for effect in effects:
                save(self._db, effect)
                if isinstance(effect, SaveFold | SaveRollback):
                    forget(self._db, effect.at - self._keep)
                    self._has_removed = True

    def holds(self, client: str, sequence: int, digest: bytes) -> bool:
        """See Store.holds."""
        return holds(self._db, client, sequence, digest)

    def prompt(self, language: LanguageCode, version: int) -> Array | None:
        """See Store.prompt."""
        return prompt_of(self._db, language, version)

    def erase(self) -> None:
        """See Store.erase."""
        if self._has_removed or self._database.log_is_long:
            self._has_removed = not self._database.empty_log()

    def forget(self, now: float) -> None:
        """See RunStore.forget."""
        if not self._is_new:
            with self._database.transaction():
                forget(self._db, now - self._keep)
            self._database.empty_log()

    def compact(self) -> None:
        """Write the database anew, without the room that what was removed has left.

        Raises:
            InUse: Another program reads it.
            MfptError: There is no room for both.
        """
        if not self._database.empty_log():
            raise InUse(f"another program reads {self._path}: end it, or let it finish")
        self._database.write()

    def close(self) -> None:
        """See Store.close."""
        self._database.close()

    def load(self) -> State | None:
        """See Store.load."""
        return None if self._is_new else load_state(self._db, self._path)

    @property
    def _is_new(self) -> bool:
        return bool(self._db.execute("PRAGMA user_version").fetchone()[0] == 0)

    def _meta(self, key: str, default: bytes | None = None) -> bytes:
        return meta(self._db, self._path, key, default)
