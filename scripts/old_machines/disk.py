"""What mfpt takes of a disk: its libraries, as installed, and what a device keeps."""

import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement


def installed_bytes(extra: str) -> int:
    """Return the size of mfpt with an extra, and of all that it needs, as installed here; without Python itself."""
    found: dict[str, set[str]] = {}
    _collect("mfpt", {extra}, found)
    return sum(_size(name) for name in found)


def folder_bytes(folder: Path) -> int:
    """Return the size of the files in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _collect(name: str, extras: Iterable[str], found: dict[str, set[str]]) -> None:
    """Add a distribution with the extras that are asked of it, and what these need, as far as it is installed."""
    key, wanted = re.sub(r"[-_.]+", "-", name).lower(), {"", *extras}
    if wanted <= found.get(key, set()):
        return
    try:
        requirements = distribution(name).requires or ()
    except PackageNotFoundError:
        return
    found[key] = wanted | found.get(key, set())
    for requirement in map(Requirement, requirements):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": one}) for one in wanted):
            _collect(requirement.name, requirement.extras, found)


def _size(name: str) -> int:
    files = (Path(str(file.locate())) for file in distribution(name).files or ())
    return sum(file.stat().st_size for file in files if file.exists())
