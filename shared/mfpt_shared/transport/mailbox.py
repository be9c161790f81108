"""Events on their way from a thread of the network to the event loop, which is woken once for many."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from mfpt_shared.transport.base import Event


class Mailbox:
    """Takes events from any thread, and gives them to one task of an event loop."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._events: deque[Event] = deque()
        self._wake = asyncio.Event()
        self._wake_is_due = False

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Deliver to this loop from now on."""
        self._loop = loop

    def put(self, event: Event) -> None:
        """Take an event, in any thread."""
        self._events.append(event)
        if not self._wake_is_due:
            self._wake_is_due = True
            self.call_soon(self._wake.set)

    def call_soon(self, action: Callable[[], None]) -> None:
        """Run something in the loop, from any thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(action)

    async def take(self) -> list[Event]:
        """Return everything that came since the last call, in order; at least one event."""
        while not self._events:
            self._wake.clear()
            self._wake_is_due = False
            # The thread may have put an event in before it saw that a wake-up is due.
            if not self._events:
                await self._wake.wait()
        self._wake_is_due = False
        return [self._events.popleft() for _ in range(len(self._events))]
