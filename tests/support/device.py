"""A device with a stub trainer on a broker inside the process, and a spy on what it says."""

import asyncio
import contextlib
import itertools
import math
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mfpt_edge.session.channel import client_will
from mfpt_edge.session.client import EdgeClient
from mfpt_edge.session.status_publisher import STATE_SECONDS
from mfpt_edge.session.trust import Trust
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_shared.device.trainer import Trainer
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.codec import understand
from mfpt_shared.protocol.messages import Assign, Down, Ready
from mfpt_shared.protocol.topics import CLIENT_STATE, CLIENT_UP
from mfpt_shared.transport.base import Inbound
from mfpt_shared.transport.in_process import MemoryBroker, MemoryTransport
from support.session import FEDERATION, SWAHILI, told
from support.stub import StubTrainer

MessageT = TypeVar("MessageT")


def device(
    folder: Path | DeviceFolder,
    broker: MemoryBroker,
    trainer: StubTrainer | None = None,
    *,
    prepare: Callable[[Plan], Trainer] | None = None,
    retries: int | None = None,
    rounds: int | None = None,
    trust: Trust | None = None,
    clock: Callable[[], float] | None = None,
) -> tuple[EdgeClient, MemoryTransport]:
    place = DeviceFolder(folder) if isinstance(folder, Path) else folder
    session = place.begin_session(place.enrol(SWAHILI))
    transport = MemoryTransport(broker, client_will(FEDERATION, session))
    trainer = trainer or StubTrainer()
    ticks = itertools.count(step=STATE_SECONDS)  # as if every look at the clock took so long
    client = EdgeClient(
        place,
        session,
        FEDERATION,
        transport,
        trust=trust or Trust(),
        prepare=prepare or (lambda _: trainer),
        clock=clock or (lambda: next(ticks)),
        rounds=rounds,
        leave_after=math.inf,
        retries=retries,
    )
    return client, transport


async def next_up(
    spy: MemoryTransport, kind: type[MessageT], wanted: Callable[[MessageT], bool] = lambda _: True
) -> MessageT:
    while True:
        events = deque(await spy.receive())
        while events:
            event = events.popleft()
            if isinstance(event, Inbound):
                received = understand(event.topic, event.payload, FEDERATION)
                if received is not None and isinstance(received.message, kind) and wanted(received.message):
                    for later in events:
                        spy.put(later)
                    return received.message


@dataclass(frozen=True)
class Running:
    """A device that takes part and its connection, a spy on what it publishes, its id, and its announcement."""

    client: EdgeClient
    transport: MemoryTransport
    ended: "asyncio.Task[None]"
    spy: MemoryTransport
    id: str
    ready: Ready

    def told(self, message: Down) -> None:
        """Tell the device something, as the coordinator would."""
        self.hears(told(self.id, message))

    def hears(self, *messages: Inbound) -> None:
        """Let the broker deliver messages, whoever made them, and whether the device has subscribed or not."""
        for message in messages:
            self.transport.put(message)


@contextlib.asynccontextmanager
async def assigned(
    folder: Path | DeviceFolder,
    broker: MemoryBroker,
    version: int,
    *,
    trainer: StubTrainer | None = None,
    rounds: int | None = None,
    trust: Trust | None = None,
    clock: Callable[[], float] | None = None,
) -> AsyncIterator[Running]:
    """Run a device from its assignment to a version until the context ends."""
    place = DeviceFolder(folder) if isinstance(folder, Path) else folder
    client, transport = device(place, broker, trainer=trainer, rounds=rounds, trust=trust, clock=clock)
    spy = MemoryTransport(broker)
    await spy.connect()
    spy.subscribe(CLIENT_UP.path(FEDERATION), CLIENT_STATE.path(FEDERATION))
    await transport.connect()
    ended = asyncio.create_task(client.run())
    try:
        ready = await next_up(spy, Ready)
        running = Running(client, transport, ended, spy, place.enrol(SWAHILI).client, ready)
        running.told(Assign(version=version, deadline=60, session=ready.session, ready=ready.number, turn=1))
        yield running
    finally:
        ended.cancel()
        await asyncio.gather(ended, return_exceptions=True)
        client.close()
