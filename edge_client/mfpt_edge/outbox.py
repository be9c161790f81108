"""Updates that the coordinator has not yet acknowledged, on disk: each survives the process until it is forgotten."""

import os
from pathlib import Path


class Outbox:
    """A folder with one file for each update, named after its sequence number."""

    def __init__(self, folder: Path) -> None:
        """Open the folder, or make it."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        for unfinished in folder.glob("*.part"):
            unfinished.unlink()

    def sequences(self) -> tuple[int, ...]:
        """Return the sequence numbers of all updates, oldest first."""
        return tuple(sorted(int(path.stem) for path in self._folder.glob("*.update") if path.stem.isdecimal()))

    def put(self, sequence: int, payload: bytes) -> None:
        """Keep an update; it is on the disk, whole, when this returns."""
        write_durably(self._path(sequence), payload)

    def payload(self, sequence: int) -> bytes:
        """Return an update as it was put in."""
        return self._path(sequence).read_bytes()

    def forget(self, sequence: int) -> None:
        """Remove an update; one that is gone already is no error."""
        self._path(sequence).unlink(missing_ok=True)

    def _path(self, sequence: int) -> Path:
        return self._folder / f"{sequence:010}.update"


def write_durably(path: Path, payload: bytes) -> None:
    """Replace a file's content so that, whatever happens, it is the old one or the new one."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(payload)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
