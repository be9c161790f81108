"""Who a device is: a random id and a language, in one file of its state folder."""

from pathlib import Path
from typing import Final

import msgspec

from mfpt_edge.storage.kept_struct import read_kept
from mfpt_shared.languages import LanguageCode

IDENTITY_FILE: Final = "device.json"


class Identity(msgspec.Struct, frozen=True):
    """A device's random id, and its language."""

    client: str
    language: LanguageCode


def read_identity(folder: Path) -> Identity | None:
    """Return the identity of the device in a state folder; None if the folder is new.

    Raises:
        Damaged: The file is damaged.
    """
    return read_kept(folder / IDENTITY_FILE, Identity, f"remove {folder} to start as a new device")
