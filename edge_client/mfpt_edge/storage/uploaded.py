"""How many bytes a device has sent this calendar month, kept in its state folder through restarts."""

import contextlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from mfpt_shared.atomic import write_durably
from mfpt_shared.folders import private_folder

UPLOADED_FILE: Final = "uploaded.json"
WRITE_BYTES: Final = 20_000
"""Bytes, about two updates, that are sent between two writes; what a process that is killed does not count."""


class _Month(msgspec.Struct, frozen=True):
    month: str = ""
    bytes: Annotated[int, Meta(ge=0)] = 0


class Uploaded:
    """Counts what leaves the device, in the month in which it leaves, by local time."""

    def __init__(self, folder: Path, now: Callable[[], datetime] = datetime.now) -> None:
        """Go on from what earlier runs have counted; a damaged file counts as none.

        Args:
            folder: State folder, which this process owns.
            now: Local time.
        """
        self._file = folder / UPLOADED_FILE
        self._now = now
        self._noted = 0
        self._written = self._count = _read(self._file)

    @property
    def bytes(self) -> int:
        """Bytes sent this month."""
        return self._count.bytes if self._count.month == self._month() else 0

    def note(self, total: int) -> None:
        """Count what has left.

        Args:
            total: All bytes that this run has sent so far.
        """
        self._count = _Month(self._month(), self.bytes + total - self._noted)
        self._noted = total
        is_new = self._count.month != self._written.month
        if is_new or self._count.bytes >= self._written.bytes + WRITE_BYTES:
            self._write()

    def close(self) -> None:
        """Write what has not been written."""
        if self._count != self._written:
            self._write()

    def _month(self) -> str:
        return self._now().strftime("%Y-%m")

    def _write(self) -> None:
        self._written = self._count
        with contextlib.suppress(OSError):  # a disk that is full has other things to keep
            write_durably(private_folder(self._file.parent) / self._file.name, msgspec.json.encode(self._count))


def _read(file: Path) -> _Month:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Month)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Month()
