"""How old a device's prompt is, and how long ago somebody looked for a newer one: the times of two files."""

import math
from pathlib import Path
from typing import Final

from mfpt_edge.storage.device_folder import PROMPT_FILE
from mfpt_shared.atomic import write_durably
from mfpt_shared.folders import private_folder

LOOKED_FILE: Final = "looked"


def prompt_age(folder: Path, now: float) -> float:
    """Return how long ago the federation's prompt here was known to be the newest, seconds; infinity if there is none.

    Args:
        folder: State folder of the device.
        now: Unix seconds.
    """
    return _age(folder / PROMPT_FILE, now)


def looked_ago(folder: Path, now: float) -> float:
    """Return how long ago `predict` looked for a newer prompt, in vain or not, seconds; infinity for never.

    Args:
        folder: State folder of the device.
        now: Unix seconds.
    """
    return min(_age(folder / LOOKED_FILE, now), prompt_age(folder, now))


def prompt_is_newest(folder: Path) -> None:
    """Note that the federation has no newer prompt than the one in a state folder."""
    (folder / PROMPT_FILE).touch()


def looked(folder: Path) -> None:
    """Note that `predict` has looked for a newer prompt."""
    write_durably(private_folder(folder) / LOOKED_FILE, b"")


def _age(file: Path, now: float) -> float:
    try:
        return max(0.0, now - file.stat().st_mtime)
    except OSError:
        return math.inf
