"""A device under masks on a broker inside the process, step by step through a cohort of peers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

import msgspec

from mfpt_edge.session.sent_updates import read_update
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_edge.storage.outbox import Outbox
from mfpt_shared.plan import Privacy
from mfpt_shared.protocol.messages import (
    Assign,
    Disband,
    KeyShares,
    Masked,
    Offer,
    Ready,
    Update,
)
from mfpt_shared.protocol.topics import CLIENT_UP, PROMPT
from mfpt_shared.transport.in_process import MemoryTransport
from support.cohort_peers import Peers
from support.device import Running, assigned, device, next_up
from support.session import (
    FEDERATION,
    SWAHILI,
    THE_PLAN,
    broker_of_a_running_federation,
    prompt_of,
    said,
)
from support.stub import StubTrainer

SECONDS: Final = 20.0
STEP: Final = 0.01
NOW: Final = 1000.0
"""Time does not pass, so that a device repeats nothing."""
PLAN: Final = msgspec.structs.replace(THE_PLAN, privacy=Privacy(aggregation="masked"))


def outbox_of(folder: Path) -> Outbox:
    """Return the outbox of a device's state folder."""
    return DeviceFolder(folder).outbox()


@contextlib.asynccontextmanager
async def offering(folder: Path | DeviceFolder) -> AsyncIterator[tuple[Running, Offer]]:
    """Run a device up to the offer of its first update."""
    broker, trainer = broker_of_a_running_federation(0, plan=PLAN), StubTrainer(step=STEP)
    async with assigned(folder, broker, version=0, trainer=trainer, clock=lambda: NOW) as running:
        yield running, await next_up(running.spy, Offer)


@contextlib.asynccontextmanager
async def started_again(folder: Path) -> AsyncIterator[tuple[Running, Offer]]:
    """Run a device that holds an update of an earlier run, up to its offer; it has not announced itself."""
    broker = broker_of_a_running_federation(0, plan=PLAN)
    client, transport = device(folder, broker, StubTrainer(step=STEP), clock=lambda: NOW)
    spy = MemoryTransport(broker)
    await spy.connect()
    spy.subscribe(CLIENT_UP.path(FEDERATION))
    await transport.connect()
    ended = asyncio.create_task(client.run())
    nothing = Ready(language=SWAHILI, examples=0, plan="", backbone="")
    try:
        offer = await next_up(spy, Offer)
        yield Running(client, transport, ended, spy, DeviceFolder(folder).enrol(SWAHILI).client, nothing), offer
    finally:
        ended.cancel()
        await asyncio.gather(ended, return_exceptions=True)
        client.close()


async def gathered(running: Running, peers: Peers) -> KeyShares:
    """Gather a cohort, and return the device's key shares."""
    running.told(peers.gather())
    return await next_up(running.spy, KeyShares)


async def masked(running: Running, peers: Peers) -> Masked:
    """Take a device through a cohort up to its masked update, and return that."""
    running.told(peers.deliver(await gathered(running, peers)))
    return await next_up(running.spy, Masked)


def disband(offer: Offer, cohort: str) -> Disband:
    """Return that the update of an offer is in no sum of a cohort."""
    return Disband(cohort=cohort, sequence=offer.sequence, sha256=offer.sha256, detail="a test")


async def retrained(running: Running, folder: Path, version: int) -> Update:
    """Let the device train from a version, and return what it keeps then."""
    running.hears(said(PROMPT, prompt_of(version, plan=PLAN), SWAHILI))
    ready = running.ready
    running.told(Assign(version=version, deadline=60, session=ready.session, ready=ready.number, turn=2))
    offer = await next_up(running.spy, Offer, lambda one: one.sequence == 2)
    return read_update(outbox_of(folder).payload(offer.sequence))


def lives(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run a scenario, for some seconds at most."""

    async def limited() -> None:
        await asyncio.wait_for(scenario(), SECONDS)

    asyncio.run(limited())
