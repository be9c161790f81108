"""A transport on whose way messages are duplicated, delayed, and overtaken by others, as networks and brokers do."""

import asyncio
import contextlib
import random
from collections.abc import Callable
from functools import partial
from typing import Final

from mfpt_shared.transport.base import QOS, Event, Inbound, Qos, Transport
from stub_federation.reports import AnyReport, Disturbance
from stub_federation.reports import Disturbed as Told

LONGEST_SECONDS: Final = 3.0
_KINDS: Final[tuple[Disturbance, ...]] = ("duplicated", "delayed", "reordered")


class DisturbedTransport:
    """Stands before a transport. See `mfpt_shared.transport.base.Transport`.

    A *delayed* message comes late, and later ones overtake it; a *duplicated* one comes again after a while; a
    *reordered* one comes after its successor.
    """

    def __init__(
        self, inner: Transport, chance: random.Random, share: float, tell: Callable[[AnyReport], None]
    ) -> None:
        """Stand before a transport.

        Args:
            inner: Transport of the device.
            chance: What decides.
            share: Share of the messages, 0 to 1, that is disturbed.
            tell: Takes what was done.
        """
        self._inner = inner
        self._chance = chance
        self._share = share
        self._tell = tell
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._pump: asyncio.Task[None] | None = None
        self._waiting: dict[asyncio.TimerHandle, Callable[[], None]] = {}
        self._held: Callable[[], None] | None = None

    async def connect(self) -> None:
        """See Transport.connect."""
        await self._inner.connect()
        self._pump = asyncio.create_task(self._receive())

    def subscribe(self, *filters: str, qos: Qos = QOS) -> None:
        """See Transport.subscribe."""
        self._inner.subscribe(*filters, qos=qos)

    def unsubscribe(self, *filters: str) -> None:
        """See Transport.unsubscribe."""
        self._inner.unsubscribe(*filters)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: Qos = QOS) -> None:
        """See Transport.publish."""
        self._pass_on(partial(self._inner.publish, topic, payload, retain=retain, qos=qos))

    async def receive(self) -> list[Event]:
        """See Transport.receive."""
        events = [await self._events.get()]
        while not self._events.empty():
            events.append(self._events.get_nowait())
        return events

    async def _receive(self) -> None:
        while True:
            for event in await self._inner.receive():
                if isinstance(event, Inbound):
                    self._pass_on(partial(self._events.put_nowait, event))
                else:
                    self._events.put_nowait(event)

    def _pass_on(self, deliver: Callable[[], None]) -> None:
        """Deliver a message, as it is or disturbed; then the one that waited to be overtaken."""
        held, self._held = self._held, None
        how = self._chance.choice(_KINDS) if self._chance.random() < self._share else None
        if how is not None:
            self._tell(Told(how))
        if how == "reordered" and held is None:
            self._held = deliver
            self._later(self._let_go)
            return
        if how != "delayed":
            deliver()
        if how in ("delayed", "duplicated"):
            self._later(deliver)
        if held is not None:
            held()

    def _let_go(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            held()

    def _later(self, action: Callable[[], None]) -> None:
        def act() -> None:
            del self._waiting[timer]
            action()

        timer = asyncio.get_running_loop().call_later(self._chance.uniform(0.0, LONGEST_SECONDS), act)
        self._waiting[timer] = action

    async def flush(self, timeout: float) -> bool:
        """See Transport.flush; what still waits here goes out before."""
        waiting, self._waiting = self._waiting, {}
        for timer, action in waiting.items():
            timer.cancel()
            action()
        return await self._inner.flush(timeout)

    async def close(self) -> None:
        """See Transport.close."""
        for timer in self._waiting:
            timer.cancel()
        if self._pump is not None:
            self._pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._pump
        await self._inner.close()
