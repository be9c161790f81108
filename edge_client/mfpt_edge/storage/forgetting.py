"""What is left of a device that is forgotten: nothing."""

import contextlib
from pathlib import Path

from mfpt_edge.storage.cache import discard
from mfpt_shared.errors import MfptError
from mfpt_shared.folders import LOCK
from mfpt_shared.system.files import remove, remove_folder


def forget_device(folder: Path, cache: Path) -> None:
    """Remove all that a device keeps: key and membership, prompts, outbox, settings, copies of its data, activations.

    Activations in the cache do not say whose they are: those of the user's other devices are made again.

    Args:
        folder: State folder, which this process owns; the folder itself is removed if nobody else puts anything there.
        cache: The user's cache.

    Raises:
        MfptError: Something cannot be removed.
    """
    discard(cache / "activations")
    try:
        for inside in folder.iterdir():
            if inside.is_dir() and not inside.is_symlink():
                remove_folder(inside)
            elif inside.name != LOCK:
                remove(inside, missing_ok=True)
    except OSError as error:
        raise MfptError(f"cannot remove {error.filename}: {error.strerror}; remove {folder} yourself") from error
    with contextlib.suppress(OSError):  # some systems keep what is open, and another device may have begun there
        (folder / LOCK).unlink(missing_ok=True)
        folder.rmdir()
