"""What devices were told, beside what the coordinator's database holds."""

import contextlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from mfpt_coord.server.stored_forgetting import KEPT_UPDATES
from stub_federation.reports import Acknowledged, AnyReport, Disturbed, Ended, Lost

_MOST_DETAILS: Final = 10

Update = tuple[str, int]
"""Id of a device, and a sequence number."""


class Ledger:
    """What the devices tell.

    Attributes:
        acknowledged: What each update was whose device was told that it is stored: digests, in hexadecimal; empty where
            the device had sent it before it was started anew, and not since.
        disturbed: Messages that did not pass as they were sent, by what was done.
        lost_connections: Number of connections that devices lost.
        ended: Devices that gave up, by reason.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.acknowledged: dict[Update, set[str]] = {}
        self.disturbed: Counter[str] = Counter()
        self.lost_connections = 0
        self.ended: Counter[str] = Counter()

    def snapshot(self) -> dict[Update, frozenset[str]]:
        """Return what was acknowledged so far."""
        return {update: frozenset(digests) for update, digests in self.acknowledged.items()}

    def hear(self, report: AnyReport) -> None:
        """Take a report."""
        match report:
            case Acknowledged(device=device, sequence=sequence, sha256=digest):
                self.acknowledged.setdefault((device, sequence), set()).add(digest)
            case Disturbed(how=how):
                self.disturbed[how] += 1
            case Lost():
                self.lost_connections += 1
            case Ended(reason=reason):
                self.ended[reason] += 1


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers of updates.

    Attributes:
        acknowledged: Those whose device was told that they are stored.
        stored: Those in the database.
        folded: Those that went into a version.
        waiting: Those that wait for a fold.
        lost: Those that were acknowledged, and are not stored as they were sent; or that count as folded, and are in no
            version.
        twice: Those that are in more than one version, or stored under more than one number: a device that trains from
            one version of the prompt has one update for it.
        details: What is known about some of those that were acknowledged and are lost.
    """

    acknowledged: int = 0
    stored: int = 0
    folded: int = 0
    waiting: int = 0
    lost: int = 0
    twice: int = 0
    details: tuple[str, ...] = ()


def audit(database: Path, told: Mapping[Update, Iterable[str]]) -> Audit:
    """Compare what devices were told with what is stored.

    Args:
        database: The coordinator's database, which may be in use.
        told: What devices were told before the database is read, see `Ledger.snapshot`.

    Raises:
        sqlite3.Error: The database cannot be read now.
    """
    rows, versions, gone = _read(database)
    stored = {(device, sequence): digest for device, sequence, _, digest, _ in rows}
    told_folded = {(device, sequence) for device, sequence, _, _, fold in rows if fold is not None}
    oldest = min(versions, default=0)  # what older ones were made of is not listed any more
    still_listed = {(device, sequence) for device, sequence, _, _, fold in rows if fold is not None and fold >= oldest}
    newest: dict[str, int] = {}
    for device, sequence, *_ in rows:
        newest[device] = max(newest.get(device, 0), sequence)
    listed = Counter(update for updates in versions.values() for update in updates)
    trained = Counter((device, version) for device, _, version, _, _ in rows)
    missing = [
        update
        for update, digests in told.items()
        if not _is_stored(stored.get(update), digests) and not _may_have_gone(update, stored, newest)
    ]
    return Audit(
        acknowledged=len(told),
        stored=len(stored) + gone,
        folded=len(told_folded) + gone,
        waiting=len(stored) - len(told_folded),
        lost=len(missing) + len(still_listed - listed.keys()),
        twice=sum(times - 1 for times in listed.values()) + sum(times - 1 for times in trained.values()),
        details=tuple(_detail(update, told[update], stored.get(update)) for update in missing[:_MOST_DETAILS]),
    )


def _may_have_gone(update: Update, stored: Mapping[Update, str], newest: Mapping[str, int]) -> bool:
    """Tell whether the row of an update may have been removed, because so many others of its device came after it."""
    device, sequence = update
    return update not in stored and sequence <= newest.get(device, 0) - KEPT_UPDATES


def _detail(update: Update, digests: Iterable[str], stored: str | None) -> str:
    sent = " and ".join(sorted(digest[:8] or "unknown" for digest in digests))
    return f"device {update[0]}, number {update[1]}: sent {sent}, stored {stored[:8] if stored else 'nothing'}"


def _is_stored(stored: str | None, digests: Iterable[str]) -> bool:
    return stored is not None and all(digest in ("", stored) for digest in digests)


def _read(database: Path) -> tuple[list[tuple[str, int, int, str, int | None]], dict[int, list[Update]], int]:
    """Return the rows of the updates, the updates of each version, and the number of removed rows, as of one moment."""
    with contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as source:
        source.execute("BEGIN")
        rows = source.execute("SELECT client, sequence, base_version, lower(hex(sha256)), fold FROM updates").fetchall()
        folds = source.execute("SELECT version, updates FROM folds").fetchall()
        gone = source.execute("SELECT coalesce(sum(value), 0) FROM totals WHERE kind = 'updates'").fetchone()[0]
    versions = {version: [(device, sequence) for device, sequence in json.loads(text)] for version, text in folds}
    return rows, versions, int(gone)
