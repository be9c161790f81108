"""What is left of a device that is forgotten: nothing of its own, and all that is somebody else's."""

import contextlib
import logging
from pathlib import Path
from typing import Final

from mfpt_edge.storage.cache import discard
from mfpt_shared.control_socket import PORT_FILE, SOCKET_FILE
from mfpt_shared.errors import MfptError
from mfpt_shared.folders import LOCK, abandon
from mfpt_shared.system.files import remove

FILES: Final = (
    *("device.json", "device.key", "session", "membership.json", "epoch", "broker"),
    *("plan.json", "prompt.mfpt", "own-prompt.mfpt", "declined", "looked", "first-round.json", "spent.json"),
    *("settings.json", "allowed.json", "labels.json", "uploaded.json", "sent.jsonl", "curve.json", "doing.json"),
    *(SOCKET_FILE, PORT_FILE, "service.log"),
)
"""All files of a device in its state folder, but for those in the folders below."""
_FOLDERS: Final = {
    "outbox": ("*.update", "*.done", "*.sent"),
    "examples": ("chosen.json", f"{'[0-9a-f]' * 16}.*"),
}
_UNFINISHED: Final = "*.part"

_log = logging.getLogger(__name__)


def forget_device(folder: Path, cache: Path) -> None:
    """Remove all that a device keeps: key and membership, prompts, outbox, settings, copies of its data, activations.

    The owner may have named a folder in which there are files of theirs as well: these stay, and so does the folder.
    Activations in the cache do not say whose they are: those of the user's other devices are made again.

    Args:
        folder: State folder, which this process owns.
        cache: The user's cache.

    Raises:
        MfptError: Something cannot be removed.
    """
    discard(cache / "activations")
    try:
        for name, patterns in _FOLDERS.items():
            _remove(folder / name, (*patterns, _UNFINISHED))
            with contextlib.suppress(OSError):  # it is not there, or somebody else's files are in it
                (folder / name).rmdir()
        _remove(folder, (*FILES, _UNFINISHED))
    except OSError as error:
        raise MfptError(f"cannot remove {error.filename}: {error.strerror}; remove {folder} yourself") from error
    if any(inside.name != LOCK for inside in folder.iterdir()):
        _log.warning("%s stays: there are files in it that are not the device's", folder)
    with contextlib.suppress(OSError):  # there are files in it, or another device has begun there
        abandon(folder)


def _remove(folder: Path, patterns: tuple[str, ...]) -> None:
    """Remove the files of a folder that have such names; what a link leads to stays."""
    for pattern in patterns:
        for file in folder.glob(pattern):
            if file.is_symlink() or not file.is_dir():
                remove(file, missing_ok=True)
