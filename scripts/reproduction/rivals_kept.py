"""Rows of the study of rivals that are there already, so that an interrupted study goes on where it was."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Final

from mfpt_shared.atomic import atomic_file
from reproduction.rivals_rows import Row
from reproduction.runs import locations

# More than decides what comes of a run of the simulator: processes are timed.
_SOURCES: Final = ("mfpt_shared", "mfpt_coord", "mfpt_edge", "rivals", "reproduction")


class KeptRows:
    """A folder with a file for each system, task and seed that was measured."""

    def __init__(self, folder: Path, circumstances: str) -> None:
        """Open it.

        Args:
            folder: Made when the first row is kept.
            circumstances: Digest of data and libraries; all sources of mfpt and of this study are added to it.
        """
        self._folder = folder
        digest = hashlib.sha256(circumstances.encode())
        for package in _SOURCES:
            for place in locations(package):
                for path in sorted(Path(place).rglob("*.py")):
                    digest.update(path.read_bytes())
        self._circumstances = digest.digest()

    def path(self, about: object, system: str) -> Path:
        """Return where a system's row is kept; `about` is all else that decides what comes of it, for JSON."""
        text = json.dumps([about, system], sort_keys=True)
        return self._folder / f"{hashlib.sha256(self._circumstances + text.encode()).hexdigest()[:32]}.json"

    def read(self, about: object, system: str) -> Row | None:
        """Return a row; None if it was not measured, or cannot be read."""
        try:
            return Row(**json.loads(self.path(about, system).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, about: object, row: Row) -> None:
        """Keep a row."""
        with atomic_file(self.path(about, row.system)) as part:
            part.write_text(json.dumps(asdict(row)), encoding="utf-8")
