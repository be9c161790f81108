"""A page's server: uvicorn in the event loop of its program, started and stopped in order."""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from mfpt_shared.errors import ConnectionFailed
from mfpt_shared.system.sockets import bind_alone
from mfpt_shared.web.connections import Limits, PatientConnection, Porter

_STOPS_WITHIN: Final = 2
"""Seconds that a request may go on while its server stops."""


class _Server(uvicorn.Server):
    """A server that leaves the signals to its program, and bounds the connections of strangers."""

    def __init__(
        self, config: uvicorn.Config, listening: socket.socket, tls: ssl.SSLContext | None, limits: Limits
    ) -> None:
        super().__init__(config)
        self._limits = limits
        self._porter = Porter(listening, self._connection, tls, lambda: len(self.server_state.connections), limits)
        self._accepting: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to take connections, of the socket that it was made with."""
        await super().startup(sockets or [])
        self._accepting = asyncio.create_task(self._porter.work())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, and end those that there are."""
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.wait({self._accepting})
        await super().shutdown(sockets)

    def _connection(self) -> asyncio.Protocol:
        made = PatientConnection(self.config, self.server_state, self.lifespan.state)
        made.patience = self._limits.patience
        return made

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def listen(host: str, port: int, option: str) -> socket.socket:
    """Return a socket that listens.

    Args:
        host: Address of this machine.
        port: Port; 0: a free one.
        option: Name of the command-line option that names the port, for the message.

    Raises:
        ConnectionFailed: The port is taken, or cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        bind_alone(listening, host, port)
        listening.listen()
    except (OSError, OverflowError) as error:
        listening.close()
        raise ConnectionFailed(
            f"cannot show the page on {host}:{port}: {error}; name another port with {option} (0 finds a free one)"
        ) from error
    listening.setblocking(False)
    return listening


@asynccontextmanager
async def serving(
    app: ASGIApp,
    listening: socket.socket,
    stopping: asyncio.Event,
    tls: ssl.SSLContext | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> AsyncIterator[None]:
    """Serve an application until the context ends.

    Args:
        app: Application, behind its guard.
        listening: Socket that listens; it is closed at the end.
        stopping: Set at the end, before connections are closed, so that streams of events end first.
        tls: What to serve TLS with; None: plain HTTP.
        limits: What strangers may do to the port.
    """
    config = uvicorn.Config(
        app,
        loop="none",
        http=PatientConnection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_STOPS_WITHIN,
    )
    config.load()
    # That it starts and stops, its program says; and what strangers send to the port, they need not write to the log.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    server = _Server(config, listening, tls, limits)
    running = asyncio.create_task(server.serve())
    try:
        yield
    finally:
        stopping.set()
        server.should_exit = True
        await running
