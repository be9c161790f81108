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

from mfpt_coord.core.effects import (
    Durable,
    SaveClient,
    SaveCounts,
    SaveDistances,
    SaveEnrolment,
    SaveFold,
    SaveInvitation,
    SavePrompt,
    SaveUpdate,
)
from mfpt_coord.core.state import Client, Contribution, State
from mfpt_coord.server.stored_admission import save_enrolment, save_invitation
from mfpt_coord.server.stored_schema import SCHEMA, checkpoint, forget, sha256, upgrade
from mfpt_coord.server.stored_state import read_state
from mfpt_shared.errors import BadData, Incompatible
from mfpt_shared.folders import private_file
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import plan_to_json
from mfpt_shared.plan_files import plan_from_json
from mfpt_shared.protocol.messages import UpdateCounts
from mfpt_shared.run_numbers import next_run
from mfpt_shared.tensors import Array


class Store(Protocol):
    """Where the coordinator keeps what must survive a crash."""

    def load(self) -> State | None:
        """Return the state after the last commit; None if the store is new."""

    def create(self, state: State, coordinator: str) -> None:
        """Start a new store with a plan, its first prompts, and the coordinator's id."""

    def commit(self, effects: Iterable[Durable]) -> None:
        """Make all of these effects durable, or none of them."""

    def holds(self, client: str, sequence: int, payload: bytes) -> bool:
        """Tell whether these very bytes were committed as this update of this device, however long ago."""

    def erase(self) -> None:
        """Overwrite on the disk what the last commits removed; this takes longer than a commit, and may wait."""

    def close(self) -> None:
        """Close the store."""


class SqliteStore:
    """A Store in one SQLite file."""

    def __init__(self, path: Path, keep: float = 0.0) -> None:
        """Open the file, or create it; one of an older version is upgraded.

        Args:
            path: Path of the file.
            keep: How long folded updates and replaced prompts are kept, seconds; infinite: for ever.

        Raises:
            Incompatible: The file was written by another version of mfpt.
            BadData: The file is damaged, or is not a database.
        """
        self._path, self._keep = path, keep
        self._has_removed = False
        try:
            self._open(path)
        except sqlite3.DatabaseError as error:
            raise BadData(f"{path} cannot be used: {error}; restore a copy of it, or use another --data-dir") from error

    def _open(self, path: Path) -> None:
        self._db = sqlite3.connect(private_file(path), isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        # FULL: a commit survives a power cut, not only the end of the process.
        self._db.execute("PRAGMA synchronous = FULL")
        # What is removed is overwritten.
        self._db.execute("PRAGMA secure_delete = ON")
        upgrade(self._db, str(path))

    @property
    def coordinator(self) -> str:
        """Id of the coordinator that this store belongs to."""
        return self._meta("coordinator").decode()

    def begin_run(self, now: float) -> int:
        """Return the epoch of a new run, higher than all before; it is on the disk already. `now`: Unix seconds."""
        epoch = next_run(int(self._meta("epoch", b"0")), now)
        self._put_meta("epoch", b"%d" % epoch)
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

    def commit(self, effects: Iterable[Durable]) -> None:
        """See Store.commit."""
        self._db.execute("BEGIN")
        try:
            for effect in effects:
                self._save(effect)
                self._has_removed = self._has_removed or isinstance(effect, SaveFold)
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def holds(self, client: str, sequence: int, payload: bytes) -> bool:
        """See Store.holds."""
        query = "SELECT 1 FROM updates WHERE client = ? AND sequence = ? AND sha256 = ?"
        return self._db.execute(query, (client, sequence, sha256(payload))).fetchone() is not None

    def erase(self) -> None:
        """See Store.erase."""
        if self._has_removed:
            self._has_removed = False
            checkpoint(self._db)

    def forget(self, now: float) -> None:
        """Remove what need not be kept any longer, as every fold does: for a start, after which none may come for long.

        Args:
            now: Unix seconds.
        """
        if not self._is_new:
            forget(self._db, now - self._keep)
            checkpoint(self._db)

    def close(self) -> None:
        """See Store.close."""
        self._db.close()

    def _save(self, effect: Durable) -> None:
        match effect:
            case SaveUpdate(update, payload):
                self._save_update(update, payload)
            case SaveClient(client):
                self._save_client(client)
            case SavePrompt(language, version, vector):
                self._save_prompt(language, version, vector)
            case SaveFold():
                self._save_fold(effect)
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
        self._db.execute("INSERT INTO updates VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, NULL, ?, ?)", values)

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
        for language, vector in fold.prompts.items():
            self._save_prompt(language, fold.version, vector)
        # What a fold leaves for the next fold; only the newest is kept.
        learned: tuple[tuple[str, list[tuple[object, ...]]], ...] = (
            ("moments VALUES (?, ?)", [(language, part.tobytes()) for language, part in fold.moments.items()]),
            ("directions VALUES (?, ?)", [(language, part.tobytes()) for language, part in fold.directions.items()]),
            ("judgements VALUES (?, ?, ?, ?)", [(*judge, *seen) for judge, seen in fold.judgements.items()]),
            ("comparisons VALUES (?, ?, ?, ?, ?)", [(*pair, *seen) for pair, seen in fold.comparisons.items()]),
        )
        for table, rows in learned:
            self._db.executemany(f"INSERT OR REPLACE INTO {table}", rows)
        forget(self._db, fold.at - self._keep)

    def _save_prompt(self, language: LanguageCode, version: int, vector: Array) -> None:
        self._db.execute("INSERT INTO prompts VALUES (?, ?, ?)", (language, version, vector.tobytes()))

    def load(self) -> State | None:
        """See Store.load."""
        if self._is_new:
            return None
        plan = plan_from_json(self._meta("plan"))
        counts = msgspec.json.decode(self._meta("counts", b"{}"), type=UpdateCounts)
        return read_state(self._db, plan, counts)

    @property
    def _is_new(self) -> bool:
        return bool(self._db.execute("PRAGMA user_version").fetchone()[0] == 0)

    def _meta(self, key: str, default: bytes | None = None) -> bytes:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        if row is None and default is None:
            raise Incompatible(f"{self._path} has no {key!r}, so mfpt-coord did not write it; use another --data-dir")
        return bytes(row[0]) if row is not None else default or b""

    def _put_meta(self, key: str, value: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))
