"""The coordinator's durable state in SQLite: plan, devices, accepted updates, prompts, and how they came about.

A commit is one transaction, and it is on the disk when it returns. Whenever the process dies, `load` returns the state
after the last commit.
"""

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import msgspec

from mfpt_coord.core.client import Client
from mfpt_coord.core.effects import (
    Durable,
    SaveClient,
    SaveCounts,
    SaveDistances,
    SaveEnrolment,
    SaveFold,
    SaveInvitation,
    SavePlan,
    SavePrompt,
    SaveSum,
    SaveUpdate,
)
from mfpt_coord.core.state import Contribution, State
from mfpt_coord.server.stored_admission import save_enrolment, save_invitation
from mfpt_coord.server.stored_database import Database
from mfpt_coord.server.stored_forgetting import forget
from mfpt_coord.server.stored_schema import SCHEMA
from mfpt_coord.server.stored_values import load_state, meta
from mfpt_shared.errors import InUse
from mfpt_shared.keys import PublicKey
from mfpt_shared.languages import LanguageCode
from mfpt_shared.masking.cohort import Codes
from mfpt_shared.plan import plan_to_json
from mfpt_shared.protocol.bodies import write_values
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
        """Tell whether the update with this digest was committed as this one of this device, however long ago."""

    def erase(self) -> None:
        """Overwrite on the disk what the last commits removed; this takes longer than a commit, and may wait."""

    def close(self) -> None:
        """Close the store."""


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
        """Id of the coordinator that this store belongs to."""
        return self._meta("coordinator").decode()

    @property
    def key(self) -> PublicKey | None:
        """The key by which devices know the coordinator; None if no run has begun that noted it."""
        return PublicKey(self._meta("key", b"")) or None

    @property
    def has_run(self) -> bool:
        """Whether a run has begun on this store."""
        return bool(self._meta("epoch", b""))

    def begin_run(self, now: float, key: PublicKey) -> int:
        """Begin a run, on the disk already.

        Args:
            now: Unix seconds.
            key: The coordinator's public key.

        Returns:
            The run's epoch, higher than all before.
        """
        epoch = next_run(int(self._meta("epoch", b"0")), now)
        with self._database.transaction():
            self._put_meta("epoch", b"%d" % epoch)
            self._put_meta("key", key)
        return epoch

    def create(self, state: State, coordinator: str) -> None:
        """See Store.create."""
        with self._db:
            self._db.executescript(f"BEGIN; {SCHEMA}")
            self._put_meta("plan", plan_to_json(state.plan))
            self._put_meta("coordinator", coordinator.encode())
            for language, vector in state.prompts.items():
                self._save(SavePrompt(language, state.version, vector))
            self._db.execute("COMMIT")
        self._database.write()

    def commit(self, effects: Iterable[Durable]) -> None:
        """See Store.commit."""
        with self._database.transaction():
            for effect in effects:
                self._save(effect)
                self._has_removed = self._has_removed or isinstance(effect, SaveFold)

    def holds(self, client: str, sequence: int, digest: bytes) -> bool:
        """See Store.holds."""
        query = "SELECT 1 FROM updates WHERE client = ? AND sequence = ? AND sha256 = ?"
        return self._db.execute(query, (client, sequence, digest)).fetchone() is not None

    def erase(self) -> None:
        """See Store.erase."""
        if self._has_removed or self._database.log_is_long:
            self._has_removed = not self._database.empty_log()

    def forget(self, now: float) -> None:
        """Remove what need not be kept any longer, as every fold does: for a start, after which none may come for long.

        Args:
            now: Unix seconds.
        """
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

    def _save(self, effect: Durable) -> None:
        match effect:
            case SaveUpdate(update, payload):
                self._save_update(update, payload)
            case SaveSum(contribution, total):
                self._save_sum(contribution, total)
            case SaveClient(client):
                self._save_client(client)
            case SavePrompt(language, version, vector):
                self._save_prompt(language, version, vector)
            case SaveFold():
                self._save_fold(effect)
            case SavePlan(plan, former, keeps_moments):
                self._put_meta("plan", plan_to_json(plan))
                self._put_meta("former", json.dumps(list(former)).encode())
                if not keeps_moments:
                    self._db.execute("DELETE FROM moments")
            case SaveCounts(counts):
                self._put_meta("counts", msgspec.json.encode(counts))
            case SaveInvitation(invitation):
                save_invitation(self._db, invitation)
            case SaveEnrolment(enrolment):
                save_enrolment(self._db, enrolment)
            case SaveDistances(distances):
                rows = [(*pair, metric, value) for pair, known in distances.items() for metric, value in known.items()]
                self._db.executemany("INSERT OR REPLACE INTO distances VALUES (?, ?, ?, ?)", rows)

    def _save_update(self, update: Contribution, payload: bytes) -> None:
        header = update.header
        values = (
            *(update.client, header.sequence, update.language, header.base_version),
            *(update.staleness, header.examples, update.at, update.digest, payload),
        )
        self._db.execute("INSERT INTO updates VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, NULL, ?, ?, NULL)", values)

    def _save_sum(self, contribution: Contribution, total: Codes) -> None:
        cohort, at = contribution.client, contribution.at
        self._db.execute("INSERT INTO cohorts VALUES (NULL, ?, ?, NULL, ?)", (cohort, at, write_values(total)))
        self._db.executemany(
            "INSERT INTO updates VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, NULL, ?, NULL, ?)",
            [
                (
                    *(one.client, one.sequence, one.language, one.base_version),
                    *(one.staleness, one.examples, at, one.digest, cohort),
                )
                for one in contribution.survivors
            ],
        )

    def _save_client(self, client: Client) -> None:
        values = (
            *(client.id, client.language, client.examples, client.sequence, client.contributed),
            *(client.seconds, client.accuracy, client.device, client.last_seen),
            *(client.session, client.announced, json.dumps(client.grants)),
        )
        self._db.execute("INSERT OR REPLACE INTO clients VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

    def _save_fold(self, fold: SaveFold) -> None:
        self._db.execute(
            "INSERT INTO folds VALUES (?, ?, ?, ?, ?)",
            (
                fold.version,
                fold.at,
                json.dumps(list(fold.prompts)),
                json.dumps(list(fold.updates)),
                fold.weights.tobytes(),
            ),
        )
        self._db.executemany(
            "UPDATE updates SET fold = ? WHERE client = ? AND sequence = ?",
            [(fold.version, *update) for update in fold.updates],
        )
        self._db.execute("UPDATE cohorts SET fold = ? WHERE fold IS NULL", (fold.version,))
        for language, vector in fold.prompts.items():
            self._save_prompt(language, fold.version, vector)
        self._db.executemany(
            "INSERT INTO history VALUES (?, ?, ?, ?, ?, ?)",
            [
                (fold.version, language, fold.at, one.accuracy, one.own_share, json.dumps(one.weights))
                for language, one in fold.standings.items()
            ],
        )
        # What a fold leaves for the next fold; only the newest is kept.
        learned: tuple[tuple[str, list[tuple[object, ...]]], ...] = (
            ("moments VALUES (?, ?)", [(language, part.tobytes()) for language, part in fold.moments.items()]),
            ("directions VALUES (?, ?)", [(language, part.tobytes()) for language, part in fold.directions.items()]),
            ("own_shares VALUES (?, ?, ?, ?)", [(*speaker, *share) for speaker, share in fold.shares.items()]),
            ("comparisons VALUES (?, ?, ?, ?, ?)", [(*pair, *seen) for pair, seen in fold.comparisons.items()]),
        )
        for table, rows in learned:
            self._db.executemany(f"INSERT OR REPLACE INTO {table}", rows)
        forget(self._db, fold.at - self._keep)

    def _save_prompt(self, language: LanguageCode, version: int, vector: Array) -> None:
        self._db.execute("INSERT INTO prompts VALUES (?, ?, ?)", (language, version, vector.tobytes()))

    def load(self) -> State | None:
        """See Store.load."""
        return None if self._is_new else load_state(self._db, self._path)

    @property
    def _is_new(self) -> bool:
        return bool(self._db.execute("PRAGMA user_version").fetchone()[0] == 0)

    def _meta(self, key: str, default: bytes | None = None) -> bytes:
        return meta(self._db, self._path, key, default)

    def _put_meta(self, key: str, value: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))
