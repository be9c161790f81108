"""What devices were told beside what the coordinator's database holds: each acknowledged update is there, once."""

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mfpt_shared.protocol.messages import Ack
from support.federation import rows

Entry = tuple[str, int, str]
"""Device, sequence number, and SHA-256 of an update's payload."""

_HEADER: Final = "| faults | acknowledged | stored | folded | lost | folded twice |\n|---|---|---|---|---|---|"

_log = logging.getLogger(__name__)


class Journal:
    """A device's own record, in a file that outlives its process: what it made, and what it was told is accepted."""

    def __init__(self, file: Path, client: str) -> None:
        self._file = file
        self._client = client
        self._acknowledged: set[int] = set()

    def hears(self, message: object) -> None:
        """Note what the coordinator says to the device."""
        if isinstance(message, Ack):
            self._acknowledged.add(message.sequence)

    def made(self, sequence: int, payload: bytes) -> None:
        """Note that an update is kept."""
        self._write("made", sequence, payload)

    def forgets(self, sequence: int, payload: bytes) -> None:
        """Note that an update is about to be forgotten: for good, if it was acknowledged."""
        if sequence in self._acknowledged:
            self._write("acknowledged", sequence, payload)

    def _write(self, what: str, sequence: int, payload: bytes) -> None:
        with self._file.open("a", encoding="ascii") as lines:
            lines.write(f"{what} {self._client} {sequence} {hashlib.sha256(payload).hexdigest()}\n")


@dataclass(frozen=True)
class Ledger:
    """Both sides of the books.

    Attributes:
        made: What devices kept in their outboxes.
        acknowledged: What devices forgot because the coordinator had accepted it.
        stored: What the coordinator's database holds.
        folded: What went into versions, as often as it did.
        trained: Device and version of the training behind each stored update: numbers may change, this does not.
        waiting: How many stored updates are in no version.
    """

    made: frozenset[Entry]
    acknowledged: frozenset[Entry]
    stored: frozenset[Entry]
    folded: tuple[tuple[str, int], ...]
    trained: tuple[tuple[str, int], ...]
    waiting: int

    @property
    def lost(self) -> frozenset[Entry]:
        """What was acknowledged and is not stored as it was sent."""
        return self.acknowledged - self.stored

    @property
    def twice(self) -> list[tuple[str, int]]:
        """What went into more than one version, or into one more than once."""
        return [update for update, times in Counter(self.folded).items() if times > 1]

    def check(self) -> None:
        """Raise AssertionError where the books do not agree; what waits may still be folded."""
        assert not self.lost, f"acknowledged, and not stored: {sorted(self.lost)}"
        assert not self.twice, f"folded more than once: {self.twice}"
        copies = [training for training, times in Counter(self.trained).items() if times > 1]
        assert not copies, f"stored under more than one number (device, version of the prompt): {copies}"
        invented = self.stored - self.made
        assert not invented, f"stored, and made by nobody: {sorted(invented)}"
        unknown = set(self.folded) - {(client, sequence) for client, sequence, _ in self.stored}
        assert not unknown, f"folded, and not stored: {sorted(unknown)}"
        assert len(self.folded) + self.waiting == len(self.stored), "what is in no version is marked as waiting"

    def check_to_the_last(self) -> None:
        """Raise AssertionError unless each update that was stored is acknowledged, and folded once."""
        self.check()
        assert not self.waiting, f"{self.waiting} updates wait for ever"
        untold = self.stored - self.acknowledged
        assert not untold, f"stored, and its device was not told: {sorted(untold)}"

    def check_that_no_work_was_in_vain(self) -> None:
        """Raise AssertionError unless each update that was made is stored."""
        assert not self.made - self.stored, f"made, and not stored: {sorted(self.made - self.stored)}"


def stored_in(data: Path) -> frozenset[Entry]:
    """Return what a coordinator's database holds."""
    found = rows(data, "SELECT client, sequence, sha256 FROM updates")
    return frozenset((client, sequence, digest.hex()) for client, sequence, digest in found)


def entered_in(journals: Iterable[Path]) -> tuple[frozenset[Entry], frozenset[Entry]]:
    """Return what devices' journals say that they made, and that was acknowledged."""
    entries: dict[str, set[Entry]] = {"made": set(), "acknowledged": set()}
    for journal in journals:
        for line in journal.read_text("ascii").splitlines() if journal.exists() else ():
            what, client, sequence, digest = line.split()
            entries[what].add((client, int(sequence), digest))
    return frozenset(entries["made"]), frozenset(entries["acknowledged"])


def balance(
    data: Path, made: frozenset[Entry] | None, acknowledged: frozenset[Entry], given_up: frozenset[Entry] = frozenset()
) -> Ledger:
    """Return what devices and the database say.

    Args:
        data: The coordinator's data folder.
        made: What the devices made; None: they did not tell.
        acknowledged: What they were told to be accepted.
        given_up: What was in a database that has been replaced by an older copy, and is not in that copy.
    """
    waiting = rows(data, "SELECT count(*) FROM updates WHERE fold IS NULL")[0][0]
    folds = rows(data, "SELECT updates FROM folds")
    trained = rows(data, "SELECT client, base_version FROM updates")
    stored = stored_in(data)
    return Ledger(
        made=stored | acknowledged if made is None else made,
        acknowledged=acknowledged - given_up,
        stored=stored,
        folded=tuple((client, sequence) for (updates,) in folds for client, sequence in json.loads(updates)),
        trained=tuple((client, version) for client, version in trained),
        waiting=waiting,
    )


@dataclass(frozen=True)
class Books:
    """A ledger, and the number of faults before it was balanced."""

    faults: int
    ledger: Ledger


def tell(*several: Books) -> None:
    """Log the figures as a table, one row for all of these together; `--log-cli-level=INFO` shows it."""
    ledgers = [books.ledger for books in several]
    kinds = (
        [ledger.acknowledged for ledger in ledgers],
        [ledger.stored for ledger in ledgers],
        [ledger.folded for ledger in ledgers],
        [ledger.lost for ledger in ledgers],
        [ledger.twice for ledger in ledgers],
    )
    figures = [sum(books.faults for books in several), *(sum(map(len, kind)) for kind in kinds)]
    _log.info("\n%s\n| %s |", _HEADER, " | ".join(map(str, figures)))
