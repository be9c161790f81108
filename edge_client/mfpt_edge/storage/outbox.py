"""Updates that the coordinator has not yet acknowledged, on disk: each outlives the process until it is forgotten."""

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from mfpt_shared.atomic import write_durably
from mfpt_shared.folders import private_folder
from mfpt_shared.system.files import remove, replace

_WAITING: Final = ".update"
_DONE: Final = ".done"
_SENT: Final = ".sent"


class Outbox:
    """A folder with one file for each update, named after its sequence number.

    The newest forgotten update leaves its name behind, on an empty file, so that no number is used twice. One that left
    under masks has a second file beside it, which holds the number of the later update that carries it, if one does.
    """

    def __init__(self, folder: Path) -> None:
        """Use the folder; it is made with the first update."""
        self._folder = folder
        with contextlib.suppress(OSError):  # on a disk that is only read it can wait
            for done in folder.glob(f"*{_DONE}"):
                if done.stat().st_size:  # older versions kept the whole update
                    done.write_bytes(b"")
            self._settle()

    def sequences(self) -> tuple[int, ...]:
        """Return the sequence numbers of all waiting updates, oldest first."""
        return self._numbers(_WAITING)

    @property
    def last_sequence(self) -> int:
        """Highest sequence number that was ever used; 0 before the first."""
        return max((*self._numbers(_WAITING), *self._numbers(_DONE)), default=0)

    def put(self, sequence: int, payload: bytes) -> None:
        """Keep an update; all of it is on the disk when this returns."""
        private_folder(self._folder)
        write_durably(self._path(sequence, _WAITING), payload)

    def payload(self, sequence: int) -> bytes:
        """Return an update, as it was put in."""
        return self._path(sequence, _WAITING).read_bytes()

    def note_sent(self, sequence: int) -> None:
        """Note that an update leaves under masks, and may enter no other sum; it is on the disk when this returns."""
        write_durably(self._path(sequence, _SENT), b"")

    def was_sent(self, sequence: int) -> bool:
        """Tell whether an update has left under masks, as far as the disk knows."""
        return self._path(sequence, _SENT).exists()

    def note_carried(self, sequences: Iterable[int], by: int) -> None:
        """Note that an update which comes next carries those that left under masks; they can be forgotten after it.

        Args:
            sequences: Updates that were sent under masks, and were added up with nobody's.
            by: Number of the update that is about to be put here, and holds them as well.
        """
        for sequence in sequences:
            write_durably(self._path(sequence, _SENT), str(by).encode())

    def forget(self, sequence: int) -> None:
        """Remove an update, if it is there."""
        waiting = self._path(sequence, _WAITING)
        if not waiting.exists():
            return
        # Not synced: after a power cut the update may be here again; it is then sent again, and counts as a duplicate.
        replace(waiting, self._path(sequence, _DONE))
        self._path(sequence, _DONE).write_bytes(b"")
        for older in self._numbers(_DONE)[:-1]:
            remove(self._path(older, _DONE))
            remove(self._path(older, _SENT), missing_ok=True)

    def _settle(self) -> None:
        """Finish what a process that was killed had begun with updates that a later one carries."""
        last = self.last_sequence
        for sequence in self._numbers(_SENT):
            mark = self._path(sequence, _SENT)
            carried_by = mark.read_bytes()
            if sequence > last:
                remove(mark)  # of a number that no update was given in the end
            elif carried_by and int(carried_by) <= last:
                self.forget(sequence)
            elif carried_by:
                write_durably(mark, b"")  # the later one never was on the disk

    def _numbers(self, suffix: str) -> tuple[int, ...]:
        return tuple(sorted(int(path.stem) for path in self._folder.glob(f"*{suffix}") if path.stem.isdecimal()))

    def _path(self, sequence: int, suffix: str) -> Path:
        return self._folder / f"{sequence:010}{suffix}"
