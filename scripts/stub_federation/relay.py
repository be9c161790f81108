"""A TCP relay in front of a broker, which can be cut like a cable."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Self

from mfpt_coord.server.broker_config import Listen
from mfpt_coord.server.ports import claim_port
from mfpt_shared.transport.address import BrokerAddress


class Relay:
    """Listens on a free port and relays to a target; an async context manager."""

    def __init__(self, target: BrokerAddress) -> None:
        """Prepare; nothing listens yet."""
        self._target = target
        self._port = claim_port(Listen("127.0.0.1", 0))
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()

    @property
    def address(self) -> BrokerAddress:
        """Where it listens."""
        return replace(self._target, host="127.0.0.1", port=self._port)

    async def __aenter__(self) -> Self:
        """Begin to listen."""
        await self.mend()
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """End all connections."""
        self.cut()

    def cut(self) -> None:
        """Reset all connections, and refuse new ones until `mend`."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._writers:
            writer.transport.abort()

    def hold(self) -> None:
        """Keep connections open, but let nothing through until `mend`."""
        self._flowing.clear()

    async def mend(self) -> None:
        """Let everything through again."""
        self._flowing.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._relay, "127.0.0.1", self._port)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection(self._target.host, self._target.port)
        except OSError:
            writer.transport.abort()
            self._writers.discard(writer)
            return
        self._writers.add(far_writer)
        try:
            await asyncio.gather(self.pump(reader, far_writer), self.pump(far_reader, writer))
        finally:
            for end in (writer, far_writer):
                end.transport.abort()
                self._writers.discard(end)

    async def pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: Callable[[bytes], None] = lambda _: None
    ) -> None:
        """Pass on what comes in one direction of a connection, until either end is gone.

        Args:
            reader: Where it comes from.
            writer: Where it goes.
            seen: Takes what came, before it goes on.
        """
        with contextlib.suppress(OSError):
            while chunk := await reader.read(1 << 16):
                seen(chunk)
                await self._flowing.wait()
                writer.write(chunk)
                await writer.drain()
        writer.transport.abort()
