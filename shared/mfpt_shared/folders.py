"""Folders for state and caches, and how a process comes to own one."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from mfpt_shared.errors import InUse, MfptError


def state_home() -> Path:
    """Return mfpt's folder under the user's state home (`$XDG_STATE_HOME`, by default `~/.local/state`)."""
    return platformdirs.user_state_path("mfpt")


def cache_home() -> Path:
    """Return mfpt's folder for what can be made again: `$MFPT_CACHE`, or else one under the user's cache home.

    The cache home is `$XDG_CACHE_HOME`, by default `~/.cache`.
    """
    chosen = os.environ.get("MFPT_CACHE")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("mfpt")


@contextmanager
def owned(directory: Path, option: str) -> Iterator[None]:
    """Make a folder if it does not exist, and own it until the context ends; no other process can.

    Args:
        directory: Folder.
        option: Command-line option with which people choose another folder, for messages.

    Raises:
        InUse: Another process owns the folder.
        MfptError: The folder cannot be written to.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = (directory / "lock").open("w")
    except OSError as error:
        raise MfptError(
            f"cannot write to {directory}: {error.strerror}; choose another folder with {option}"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InUse(f"{directory} is in use by another process; give this one its own {option}") from error
        yield
