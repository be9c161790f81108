"""Updates that the coordinator has not yet acknowledged, on disk: each survives the process until it is forgotten."""

from pathlib import Path
from typing import Final

from mfpt_edge.storage.atomic import write_durably

_WAITING: Final = ".update"
_DONE: Final = ".done"


class Outbox:
    """A folder with one file for each update, named after its sequence number.

    The newest update that was forgotten leaves its name behind, so that no number is ever used twice.
    """

    def __init__(self, folder: Path) -> None:
        """Open the folder, or make it."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        for unfinished in folder.glob("*.part"):
            unfinished.unlink()

    def sequences(self) -> tuple[int, ...]:
        """Return the sequence numbers of all updates that wait, oldest first."""
        return self._numbers(_WAITING)

    @property
    def last_sequence(self) -> int:
        """The highest sequence number that was ever used; 0 if none was."""
        return max((*self._numbers(_WAITING), *self._numbers(_DONE)), default=0)

    def put(self, sequence: int, payload: bytes) -> None:
        """Keep an update; it is on the disk, whole, when this returns."""
        write_durably(self._path(sequence, _WAITING), payload)

    def payload(self, sequence: int) -> bytes:
        """Return an update as it was put in."""
        return self._path(sequence, _WAITING).read_bytes()

    def forget(self, sequence: int) -> None:
        """Remove an update; one that is gone already is no error."""
        waiting = self._path(sequence, _WAITING)
        if not waiting.exists():
            return
        # Not synced: after a power cut the update may wait here again, is sent again, and counts as a duplicate.
        waiting.replace(self._path(sequence, _DONE))
        for older in self._numbers(_DONE)[:-1]:
            self._path(older, _DONE).unlink()

    def _numbers(self, suffix: str) -> tuple[int, ...]:
        return tuple(sorted(int(path.stem) for path in self._folder.glob(f"*{suffix}") if path.stem.isdecimal()))

    def _path(self, sequence: int, suffix: str) -> Path:
        return self._folder / f"{sequence:010}{suffix}"
