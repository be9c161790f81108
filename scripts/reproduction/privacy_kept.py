"""Parts of the privacy study that are there already, so that an interrupted study goes on where it was."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from mfpt_shared.atomic import atomic_file
from reproduction.privacy_rows import Part
from reproduction.privacy_world import Task
from reproduction.runs import circumstances, locations

# Beside those of a run of the simulator.
_SOURCES: Final = ("reproduction",)


class KeptParts:
    """A folder with a file for each family, number of examples and seed that was measured."""

    def __init__(self, folder: Path, device: str) -> None:
        """Open it.

        Args:
            folder: Made when the first part is kept.
            device: Processor: auto, cpu or cuda.
        """
        self._folder = folder
        self._circumstances = cache(lambda data: _circumstances(data, device))

    def path(self, task: Task) -> Path:
        """Return where a part is kept: under a digest of all that decides what comes of it."""
        digest = hashlib.sha256(self._circumstances(task.world.data))
        digest.update(msgspec.json.encode((task.world, task.wanted)))
        return self._folder / f"{digest.hexdigest()[:32]}.json"

    def read(self, task: Task) -> Part | None:
        """Return a part; None if it was not measured, or cannot be read."""
        try:
            return msgspec.json.decode(self.path(task).read_bytes(), type=Part)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None

    def write(self, task: Task, part: Part) -> None:
        """Keep a part.

        Raises:
            OSError: It cannot be written.
        """
        with atomic_file(self.path(task)) as unfinished:
            unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(part), indent=1))


def _circumstances(data: str, device: str) -> bytes:
    digest = hashlib.sha256(circumstances(data, device).encode())
    for package in _SOURCES:
        for place in locations(package):
            for path in sorted(Path(place).glob("*.py")):
                digest.update(path.read_bytes())
    return digest.digest()
