"""Waiting for events of a transport, with a limit on every wait."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from mfpt_shared.transport.base import Event, Inbound, Transport

SECONDS: Final = 20.0
LOOK_SECONDS: Final = 5.0


class Inbox:
    """Collects what a transport receives."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.events: list[Event] = []

    @property
    def messages(self) -> list[tuple[str, bytes]]:
        return [(event.topic, event.payload) for event in self.events if isinstance(event, Inbound)]

    def payloads(self, topic: str) -> list[bytes]:
        return [payload for where, payload in self.messages if where == topic]

    async def until(self, condition: Callable[[], bool], seconds: float = SECONDS) -> None:
        """Receive until a condition on what came holds."""
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    self.events += await self._transport.receive()
        except TimeoutError:
            raise AssertionError(f"it did not come within {seconds:g} s; this came: {self.events!r:.2000}") from None

    async def until_event(self, kind: type[Event], count: int = 1) -> None:
        await self.until(lambda: sum(isinstance(event, kind) for event in self.events) >= count)

    async def until_message(self, topic: str, payload: bytes) -> None:
        await self.until(lambda: (topic, payload) in self.messages)

    async def until_retained(self, topic: str, payload: bytes) -> None:
        """Subscribe until a retained message comes, as devices do: a broker that has just started may miss it at first.

        Args:
            topic: Topic to subscribe to.
            payload: Payload that is to come.
        """
        ends = asyncio.get_running_loop().time() + SECONDS
        while (topic, payload) not in self.messages and asyncio.get_running_loop().time() < ends:
            self._transport.subscribe(topic)
            with contextlib.suppress(AssertionError):
                await self.until(lambda: (topic, payload) in self.messages, LOOK_SECONDS)
        assert (topic, payload) in self.messages, f"this came: {self.events!r:.2000}"
