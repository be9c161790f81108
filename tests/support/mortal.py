"""Processes that die at a chosen effect: what they have written stays, and nothing that they do afterwards counts."""

import math
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path

from mfpt_coord.core.effects import Durable
from mfpt_coord.server.store import SqliteStore
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_edge.storage.outbox import Outbox
from support.ledger import Journal


class Killed(BaseException):
    """The process has been killed; no `except Exception` survives that."""


class Life:
    """One run of a process.

    Attributes:
        passed: Effects so far, each counted before and after it is carried out.
        last: What the newest of them was.
        is_over: Whether the process was killed.
    """

    def __init__(self, ends_at: int | None = None) -> None:
        """Begin.

        Args:
            ends_at: Number of the effect boundary at which it is killed; None: at none.
        """
        self.passed = 0
        self.last = ""
        self.is_over = False
        self._ends_at = ends_at
        self._mourners: list[Callable[[], object]] = []

    def mourn(self, action: Callable[[], object]) -> None:
        """Have something done when the process is killed."""
        self._mourners.append(action)

    def check(self) -> None:
        """End what a dead process still wants to do."""
        if self.is_over:
            raise Killed

    def passes(self, boundary: str) -> None:
        """Come to the boundary of an effect; a process that is to be killed there does not return."""
        self.check()
        self.passed += 1
        self.last = boundary
        if self.passed == self._ends_at:
            self.end()
            raise Killed

    def end(self) -> None:
        """Kill the process."""
        if not self.is_over:
            self.is_over = True
            for action in self._mourners:
                action()


class MortalStore(SqliteStore):
    """A coordinator's store, with a boundary before and after each effect; it keeps everything that was folded."""

    def __init__(self, path: Path, life: Life, is_full: Callable[[], bool]) -> None:
        """Open the file.

        Args:
            path: Path of the file.
            life: The process that opens it.
            is_full: Tells whether the disk is full, so that nothing can be committed.
        """
        super().__init__(path, keep=math.inf)
        self._life = life
        self._is_full = is_full

    def commit(self, effects: Iterable[Durable]) -> None:
        self._life.passes("before a commit")
        if self._is_full():
            raise sqlite3.OperationalError("database or disk is full")
        super().commit(effects)
        self._life.passes("after a commit")

    def erase(self) -> None:
        self._life.passes("before removed payloads are overwritten")
        super().erase()


class MortalOutbox(Outbox):
    """A device's outbox, with a boundary before and after each effect; what is forgotten goes into a journal."""

    def __init__(self, folder: Path, life: Life, journal: Journal) -> None:
        self._life = life
        self._journal = journal
        super().__init__(folder)

    def note_sent(self, sequence: int) -> None:
        self._life.passes("before it is noted that an update leaves")
        super().note_sent(sequence)
        self._life.passes("after it was noted that an update leaves")

    def note_carried(self, sequences: Iterable[int], by: int) -> None:
        self._life.passes("before it is noted what an update carries")
        super().note_carried(sequences, by)
        self._life.passes("after it was noted what an update carries")

    def put(self, sequence: int, payload: bytes) -> None:
        self._life.passes("before an update is kept")
        self._journal.made(sequence, payload)
        super().put(sequence, payload)
        self._life.passes("after an update was kept")

    def forget(self, sequence: int) -> None:
        self._life.passes("before an update is forgotten")
        if sequence in self.sequences():
            self._journal.forgets(sequence, self.payload(sequence))
        super().forget(sequence)
        self._life.passes("after an update was forgotten")


class MortalFolder(DeviceFolder):
    """A device's state folder, with a boundary before and after each effect."""

    def __init__(self, folder: Path, life: Life, journal: Journal) -> None:
        super().__init__(folder)
        self._life = life
        self._journal = journal

    def outbox(self) -> Outbox:
        return MortalOutbox(self.path / "outbox", self._life, self._journal)

    def save_plan(self, payload: bytes) -> None:
        self._life.passes("before the plan is kept")
        super().save_plan(payload)
        self._life.passes("after the plan was kept")

    def save_prompt(self, payload: bytes) -> None:
        self._life.passes("before a prompt is kept")
        super().save_prompt(payload)
        self._life.passes("after a prompt was kept")
