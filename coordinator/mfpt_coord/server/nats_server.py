"""One nats-server on a folder, as a child process: it is started, watched, stopped, and given a fresh folder."""

import asyncio
import contextlib
import errno
import json
import logging
import os
import shutil
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from mfpt_coord.server.child import find_server, last_words
from mfpt_shared.errors import ConnectionFailed, TimedOut
from mfpt_shared.folders import private_file
from mfpt_shared.system.children import Child, start
from mfpt_shared.system.files import remove, replace
from mfpt_shared.transport.address import BrokerAddress

START_SECONDS: Final = 20.0
STOP_SECONDS: Final = 2.0
"""Time that the server has to end in order, which takes it 10 ms for each session; it loses nothing if it is killed."""
LEAST_BYTES: Final = 2**16
"""Room on the disk that the server needs to start."""
STORE: Final = "jetstream"
"""Folder in which the server keeps sessions and messages."""

_log = logging.getLogger(__name__)


class NatsServer:
    """A nats-server that may run or not. Its folder holds its configuration, `nats.conf`."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        """Prepare; nothing runs yet.

        Args:
            directory: Folder for everything that the server writes.
            environment: Environment variables; nats-server is looked for in their `PATH`.
        """
        self._directory = directory
        self._environment = dict(environment)
        self._child: Child | None = None

    async def start(self, address: BrokerAddress, serve_logins: Callable[[str], Awaitable[None]]) -> None:
        """Start the server, and wait until it listens and can answer logins.

        Args:
            address: Where it serves MQTT.
            serve_logins: Starts the service for logins at the URL of the server's native protocol.

        Raises:
            ConnectionFailed: nats-server is not installed, or it ends at once.
            TimedOut: It does not listen in time.
            OSError: The disk is full, of which the server itself would say nothing.
        """
        if shutil.disk_usage(self._directory).free < LEAST_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._directory))
        log_file = self._directory / "nats-server.log"
        errors = self._directory / "nats-server.err"
        for left in self._directory.glob("*.ports"):
            remove(left)
        with private_file(errors).open("wb") as stream:
            command = (find_server(self._environment), "-c", str(self._directory / "nats.conf"))
            self._child = await start(*command, errors=stream, environment=self._environment)
        try:
            async with asyncio.timeout(START_SECONDS):
                await serve_logins(await self._native_address(self._child.process, log_file))
                await _until_it_listens(address)
        except BaseException as error:
            await self.stop()
            if not isinstance(error, TimeoutError):
                raise
            raise TimedOut(
                f"the embedded broker did not start within {START_SECONDS:g} s; its log is {log_file}"
            ) from error

    async def _native_address(self, process: asyncio.subprocess.Process, log_file: Path) -> str:
        """Wait for the file in which the server says where it serves its native protocol."""
        while True:
            if process.returncode is not None:
                how = f"exit {process.returncode}{last_words(self._directory, process.pid)}"
                raise ConnectionFailed(f"the embedded broker ended at once ({how}); its log is {log_file}")
            for file in self._directory.glob(f"*_{process.pid}.ports"):
                with contextlib.suppress(ValueError):  # it is still being written
                    return str(json.loads(file.read_bytes())["nats"][0])
            await asyncio.sleep(0.01)  # there is no event for a file that appears

    async def ended(self, seconds: float) -> int | None:
        """Wait for the end of the server that was started last; return its exit code, or None if it still runs."""
        assert self._child is not None, "it was started"
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(self._child.process.wait(), seconds)
        return None

    async def stop(self) -> None:
        """Stop the server, if it runs."""
        if self._child is not None:
            await self._child.end(STOP_SECONDS)

    def set_aside(self) -> None:
        """Give the server a fresh folder. What it kept is published again, and devices send again what they hold."""
        kept, aside = self._directory / STORE, self._directory / f"{STORE}.damaged"
        if not kept.exists():
            return
        shutil.rmtree(aside, ignore_errors=True)
        replace(kept, aside)
        _log.error(
            "the embedded broker starts on a fresh folder, because it still delivers nothing; the old is %s", aside
        )


async def _until_it_listens(address: BrokerAddress) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection(address.host, address.port)
        except OSError:
            await asyncio.sleep(0.01)  # there is no event for a port that opens
        else:
            writer.close()
            return
