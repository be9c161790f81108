"""Connections of browsers to a page: so many and no more, and none that asks for nothing.

Whoever reaches the port can open connections without being let in. Each takes a file, which the program may need for
something else: for its database, or for its broker.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

_PAUSE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What strangers may do to a port.

    Attributes:
        connections: Connections at a time. A browser opens six, one of which listens to events.
        patience: Seconds in which TLS must have begun, and then those in which the first request must have come.
    """

    connections: int = 256
    patience: float = 10.0


class PatientConnection(H11Protocol):
    """A connection that is closed where nothing is asked for `patience` seconds."""

    patience: float = Limits().patience

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection, and look at it again later."""
        super().connection_made(cast(asyncio.Transport, transport))
        self.loop.call_later(self.patience, self._close_if_silent)

    def _close_if_silent(self) -> None:
        never_asked = cast(object, self.cycle) is None  # uvicorn says that it never is
        if never_asked and not self.transport.is_closing():
            self.transport.abort()


class Porter:
    """Takes connections of a socket that listens, and closes at once those that are too many.

    Args:
        listening: The socket.
        make: Makes what handles a connection.
        tls: What to serve TLS with; None: plain HTTP.
        handled: Number of connections that are being handled.
        limits: How many may be handled, and how long TLS may take to begin.
    """

    def __init__(
        self,
        listening: socket.socket,
        make: Callable[[], asyncio.Protocol],
        tls: ssl.SSLContext | None,
        handled: Callable[[], int],
        limits: Limits,
    ) -> None:
        self._listening, self._make, self._tls, self._handled = listening, make, tls, handled
        self._limits = limits
        self._coming = set[asyncio.Task[None]]()

    async def work(self) -> None:
        """Take connections until cancelled; then close the socket."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    connection, _ = await loop.sock_accept(self._listening)
                except ConnectionError:  # whoever came has gone again
                    continue
                except OSError:  # the program has no file left
                    await asyncio.sleep(_PAUSE_SECONDS)
                    continue
                if self._handled() + len(self._coming) >= self._limits.connections:
                    connection.close()
                    continue
                coming = asyncio.create_task(self._begin(connection))
                self._coming.add(coming)
                coming.add_done_callback(self._coming.discard)
        finally:
            self._listening.close()
            for one in self._coming:
                one.cancel()

    async def _begin(self, connection: socket.socket) -> None:
        patience = None if self._tls is None else self._limits.patience
        with contextlib.suppress(OSError, TimeoutError):  # no TLS, or none in time: the transport has been closed
            await asyncio.get_running_loop().connect_accepted_socket(
                self._make, connection, ssl=self._tls, ssl_handshake_timeout=patience
            )
