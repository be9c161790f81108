"""A process of stub devices, as its parent sees it."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from stub_federation.reports import AnyReport, Group

_LEAVE_SECONDS: Final = 60.0
_LINE_BYTES: Final = 1 << 20


class GroupProcess:
    """Devices in a process of their own, through any number of starts.

    Attributes:
        group: What the process is asked for.
    """

    def __init__(
        self,
        group: Group,
        log: Path,
        hear: Callable[[AnyReport], None],
        *,
        program: Sequence[str] = ("-m", "stub_federation"),
    ) -> None:
        """Prepare; nothing runs yet.

        Args:
            group: What to run.
            log: File that gets what the devices warn of.
            hear: Takes what the process tells.
            program: How Python is told to run the devices.
        """
        self.group = group
        self._log = log
        self._program = program
        self._hear = hear
        self._process: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the devices."""
        with self._log.open("ab") as log:
            self._process = process = await asyncio.create_subprocess_exec(
                *(sys.executable, *self._program),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                limit=_LINE_BYTES,
            )
        assert process.stdin is not None
        process.stdin.write(msgspec.json.encode(self.group) + b"\n")
        await process.stdin.drain()
        self._listening = asyncio.create_task(self._listen(process))

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            if line.endswith(b"\n"):
                self._hear(msgspec.json.decode(line, type=AnyReport))

    @property
    def pid(self) -> int | None:
        """Id of the process; None while it does not run."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def kill(self) -> None:
        """End the devices as a power cut would; all that they told is heard before this returns."""
        if self._process is not None:
            if self._process.returncode is None:
                self._process.kill()
            await self._ended()

    async def leave(self) -> None:
        """Let the devices leave in order."""
        if self._process is None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._ended(), _LEAVE_SECONDS)
        except TimeoutError:
            await self.kill()

    async def _ended(self) -> None:
        assert self._process is not None
        if self._listening is not None:
            await asyncio.shield(self._listening)
        await self._process.wait()
