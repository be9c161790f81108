"""Runs a made-up federation with the real coordinator, broker and page, and a clock that shows how late its loop is."""

import asyncio
import contextlib
import logging
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mfpt_coord.access.desk import Desk, OpenHouse
from mfpt_coord.core.events import ClientSaid
from mfpt_coord.core.relations import Distances
from mfpt_coord.page.serving import served
from mfpt_coord.server.broker import EmbeddedBroker
from mfpt_coord.server.broker_config import BrokerOptions, Listen
from mfpt_coord.server.channel import coordinator_will
from mfpt_coord.server.coordinator import Coordinator
from mfpt_coord.server.data_folder import DATABASE_FILE
from mfpt_coord.server.operator import Operator
from mfpt_coord.server.serve import open_identity
from mfpt_coord.server.store import SqliteStore
from mfpt_coord.server.web import WebSetting
from mfpt_shared.clock import SteadyClock
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.frames import MAX_PAYLOAD
from mfpt_shared.protocol.messages import ClientState
from mfpt_shared.transport.mqtt import MqttTransport
from operator_page.made_up import MadeUp, Size

LOOK_SECONDS: Final = 0.002
"""How often the loop is asked how late it is."""


@dataclass(slots=True)
class Lateness:
    """By how much an event loop was late, seconds; the time between two looks is not counted."""

    seen: list[float] = field(default_factory=list)

    async def watch(self) -> None:
        """Look until cancelled."""
        while True:
            due = time.perf_counter() + LOOK_SECONDS
            await asyncio.sleep(LOOK_SECONDS)
            self.seen.append(time.perf_counter() - due)

    def taken(self) -> list[float]:
        """Return what was seen since the last time, in rising order."""
        seen, self.seen = sorted(self.seen), []
        return seen


@dataclass(frozen=True, slots=True)
class Running:
    """A federation that runs, with its page; `links` makes links that let one browser in."""

    operator: Operator
    made_up: MadeUp
    links: Callable[[], Awaitable[str]]
    lateness: Lateness

    async def chat(self, per_second: float) -> None:
        """Let devices say how far they are, as they do while they train, until cancelled."""
        coordinator = self.operator.coordinator
        working = [name for names in coordinator.state.clients.indices.working.values() for _, name in names]
        chance = random.Random(1)
        while working:
            name = chance.choice(working)
            known = coordinator.state.clients[name]
            said = ClientState(
                state="online", phase="training", language=known.language, progress=chance.random(), device=known.device
            )
            await coordinator.apply(ClientSaid(coordinator.clock(), name, said))
            await asyncio.sleep(1 / per_second)


@contextlib.asynccontextmanager
async def running(folder: Path, size: Size, listen: Listen) -> AsyncIterator[Running]:
    """Run a made-up federation until the context ends.

    Args:
        folder: Empty data folder.
        size: How large the federation is.
        listen: Where its page is served.
    """
    logging.getLogger("mfpt_coord").setLevel(logging.WARNING)
    database = folder / DATABASE_FILE
    made_up = MadeUp(size, database, time.time())
    store = SqliteStore(database, keep=float("inf"))
    identity = open_identity(folder, store)
    federation = made_up.state.plan.federation
    desk, options = Desk(federation, open_house=OpenHouse(None)), BrokerOptions(MAX_PAYLOAD)
    broker = EmbeddedBroker(folder / "broker", Listen("127.0.0.1", 0), options, federation, desk, os.environ)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(store.close)
        await stack.enter_async_context(broker)
        will = coordinator_will(federation, identity)
        transport = MqttTransport(broker.address, identity.mqtt_client, will=will, persistent=True)
        coordinator = Coordinator(made_up.state, store, transport, identity, clock=SteadyClock(), look_up=_nothing)
        operator = Operator(coordinator, identity.key.public, (broker.public_address,))
        links = await stack.enter_async_context(
            served(operator, WebSetting(listen, ("127.0.0.1", "localhost"), database))
        )
        lateness = Lateness()
        tasks = [asyncio.create_task(coordinator.run()), asyncio.create_task(lateness.watch())]
        try:
            yield Running(operator, made_up, links, lateness)
        finally:
            coordinator.stop()
            tasks[1].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _nothing(_languages: Iterable[LanguageCode], _metrics: Sequence[str]) -> Distances:
    return {}
