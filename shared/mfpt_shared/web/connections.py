"""Connections of browsers to a page: so many and no more, and none that asks for nothing.

Whoever reaches the port can open connections without being let in, and each takes a file that the program may open.
"""

import asyncio
from typing import Final, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST: Final = 256
"""Connections at a time. A browser opens six, one of which listens to events."""
FIRST_REQUEST_SECONDS: Final = 10.0
"""Time in which the first request of a connection must have come."""


class BoundedConnection(H11Protocol):
    """A connection that is closed at once where there are too many, and later where nothing is asked."""

    most: int = MOST
    first_request_seconds: float = FIRST_REQUEST_SECONDS

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection, or close it."""
        super().connection_made(cast(asyncio.Transport, transport))
        if len(self.connections) > self.most:
            self.transport.abort()
        else:
            self.loop.call_later(self.first_request_seconds, self._close_if_silent)

    def _close_if_silent(self) -> None:
        never_asked = cast(object, self.cycle) is None  # uvicorn says that it never is
        if never_asked and not self.transport.is_closing():
            self.transport.abort()
