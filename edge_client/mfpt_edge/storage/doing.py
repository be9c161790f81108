"""What a running device says of itself to other processes on the same machine: one small file in its state folder."""

from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from mfpt_shared.folders import FILE_MODE, is_owned
from mfpt_shared.system.files import remove, replace

_FILE: Final = "doing.json"
_Text = Annotated[str, Meta(max_length=2000)]


class Doing(msgspec.Struct, frozen=True, kw_only=True):
    """What a device is doing.

    Attributes:
        link: Whether broker and coordinator can be reached.
        phase: What it is doing.
        waiting_for: What it waits for, in words; empty while it waits for nothing.
        waiting_since: Since when, Unix seconds; None while it waits for nothing.
        advice: What to do about that; empty where nothing is to be done.
    """

    link: _Text
    phase: _Text
    waiting_for: _Text = ""
    waiting_since: float | None = None
    advice: _Text = ""


def say(folder: Path, doing: Doing) -> None:
    """Write what the device is doing. It need not survive anything, so no disk is waited for.

    Raises:
        OSError: The file cannot be written.
    """
    made = folder / f"{_FILE}.part"
    made.touch(FILE_MODE)
    made.write_bytes(msgspec.json.encode(doing))
    replace(made, folder / _FILE)


def said(folder: Path) -> Doing | None:
    """Return what the device is doing that owns a folder; None where none does, or none that says it."""
    if not is_owned(folder):
        return None
    try:
        return msgspec.json.decode((folder / _FILE).read_bytes(), type=Doing)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def say_no_more(folder: Path) -> None:
    """Remove the file, if it is there and can be removed."""
    remove(folder / _FILE, missing_ok=True)
