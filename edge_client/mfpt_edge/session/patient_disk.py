"""What a device writes while it takes part: at once, or, while its disk does not take it, again and again.

An update is sent only when it is on the disk. A full disk therefore costs time, and never counts an update twice; a
process that is killed meanwhile has sent nothing of what it held. Decision 0027 has the reasons.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from mfpt_shared.environment import sentence
from mfpt_shared.errors import MfptError

FIRST_PAUSE_SECONDS: Final = 0.25
LONGEST_PAUSE_SECONDS: Final = 60.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Something that the disk did not take.

    Attributes:
        write: Writes it.
        error: Why the disk did not take it.
        done: Set when it is on the disk.
    """

    write: Callable[[], None]
    error: OSError
    done: asyncio.Event = field(default_factory=asyncio.Event)


class PatientDisk:
    """Writes; what fails waits in memory, the newest of each name alone, and is written again with growing pauses."""

    def __init__(
        self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep, *, tell: Callable[[str], None] = lambda _: None
    ) -> None:
        """Begin with nothing that waits.

        Args:
            sleep: Waits, in seconds.
            tell: Told what waits, in words, whenever that changes; empty words: nothing.
        """
        self._sleep = sleep
        self._tell = tell
        self._waiting: dict[str, _Waiting] = {}
        self._retries: asyncio.Task[None] | None = None

    def write(self, name: str, write: Callable[[], None]) -> None:
        """Write now, or later, with a line in the log; called in an event loop.

        Args:
            name: What it is, for people. What waits under the same name need not be written any more.
            write: Writes it; may be called again after an OSError.
        """
        before = self._waiting.pop(name, None)
        try:
            write()
        except OSError as error:
            self._waiting[name] = _Waiting(write, error)
            self._tell_what_waits()
            if before is None:
                _log.warning("%s is not on the disk, and waits in memory until it is: %s", name, sentence(error))
            if self._retries is None:
                self._retries = asyncio.create_task(self._write_again())

    async def written(self, name: str, write: Callable[[], None]) -> None:
        """Write, and return when it is on the disk; see `write`. Whoever stops waiting gives it up."""
        self.write(name, write)
        waiting = self._waiting.get(name)
        if waiting is None:
            return
        try:
            await waiting.done.wait()
        except asyncio.CancelledError:
            _log.warning("%s is given up: it was never on the disk, and nothing of it was sent", name)
            raise
        finally:
            self._waiting.pop(name, None)
            self._tell_what_waits()

    def finish(self) -> None:
        """Write what waits, for the last time.

        Raises:
            MfptError: Something cannot be written.
        """
        self._write_what_waits()
        for name, waiting in self._waiting.items():
            raise MfptError(f"{name} cannot be kept: {sentence(waiting.error)}")

    async def close(self) -> None:
        """Stop trying."""
        if self._retries is not None:
            self._retries.cancel()
            await asyncio.wait((self._retries,))

    async def _write_again(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while self._waiting:
            await self._sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            self._write_what_waits()
        self._retries = None

    def _write_what_waits(self) -> None:
        for name, waiting in list(self._waiting.items()):
            try:
                waiting.write()
            except (OSError, MfptError):  # the latter where the folder has meanwhile become everybody's
                continue
            del self._waiting[name]
            waiting.done.set()
            _log.info("%s is on the disk now", name)
            self._tell_what_waits()

    def _tell_what_waits(self) -> None:
        self._tell(f"the disk does not take {', '.join(self._waiting)}" if self._waiting else "")
