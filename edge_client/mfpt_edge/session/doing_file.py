"""Keeps the file in which `mfpt-edge status` reads what a running device does: written anew when that has changed."""

import contextlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mfpt_edge.session.snapshot import Snapshot
from mfpt_edge.storage.doing import Doing, say, say_no_more

WRITE_SECONDS: Final = 2.0
"""Shortest time between two writes that differ in words alone."""


class DoingFile:
    """Follows a device's snapshots."""

    def __init__(self, folder: Path, clock: Callable[[], float]) -> None:
        """Write to a state folder that this process owns.

        Args:
            folder: State folder.
            clock: Seconds, by a clock that never jumps.
        """
        self._folder = folder
        self._clock = clock
        self._written: Doing | None = None
        self._at = -math.inf

    def update(self, snapshot: Snapshot) -> None:
        """Write what a snapshot says, if it is news. A disk that is full has other things to keep."""
        doing = Doing(
            link=snapshot.link,
            phase=snapshot.phase,
            waiting_for=snapshot.waits_for,
            waiting_since=snapshot.waits_since,
            advice=snapshot.advice,
        )
        now = self._clock()
        if self._written is not None and (_what(doing) == _what(self._written) and now < self._at + WRITE_SECONDS):
            return
        if doing == self._written:
            return
        self._written, self._at = doing, now
        with contextlib.suppress(OSError):
            say(self._folder, doing)

    def close(self) -> None:
        """Remove the file: the device has ended."""
        with contextlib.suppress(OSError):
            say_no_more(self._folder)


def _what(doing: Doing) -> tuple[str, str, bool]:
    return doing.link, doing.phase, bool(doing.waiting_for)
