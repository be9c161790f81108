"""An HTTP proxy for CONNECT (RFC 9110, section 9.3.6) that notes where it was asked to go."""

import asyncio
import contextlib
from types import TracebackType
from typing import Self

from mfpt_shared.transport.proxy import Proxy


class ConnectProxy:
    """Listens on a free port; an async context manager. With `refusal`, it answers with that status line instead."""

    def __init__(self, refusal: str | None = None) -> None:
        self._refusal = refusal
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self.requests: list[str] = []
        """Heads of the requests that came."""

    @property
    def place(self) -> Proxy:
        assert self._server is not None
        return Proxy("127.0.0.1", self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
        self.requests.append(head)
        if self._refusal is not None:
            writer.write(f"HTTP/1.1 {self._refusal}\r\n\r\n".encode("ascii"))
            await writer.drain()
            writer.close()
            return
        host, _, port = head.split(" ")[1].rpartition(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        self._writers.append(far_writer)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(1 << 16):
            writer.write(chunk)
            await writer.drain()
    writer.close()
