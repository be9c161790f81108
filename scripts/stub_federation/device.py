"""Stub devices: the product's own, with key, outbox and connection; only their trainers do nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from mfpt_edge.session.client import EdgeClient
from mfpt_edge.session.snapshot import Snapshot
from mfpt_edge.session.trust import Trust
from mfpt_edge.storage.device_folder import DeviceFolder, Session
from mfpt_shared.clock import SteadyClock
from mfpt_shared.transport.base import Transport
from stub_federation.trainer import StubTrainer


def stub_client(
    folder: DeviceFolder,
    session: Session,
    federation: str,
    transport: Transport,
    trainer: StubTrainer,
    *,
    trust: Trust | None = None,
    observe: Callable[[Snapshot], None] = lambda _: None,
) -> EdgeClient:
    """Return a device that has not begun; see `EdgeClient`."""
    return EdgeClient(
        folder,
        session,
        federation,
        transport,
        trust=trust or Trust(),
        prepare=lambda _: trainer,
        clock=SteadyClock(),
        observe=observe,
    )


@asynccontextmanager
async def taking_part(client: EdgeClient, transport: Transport) -> AsyncIterator["asyncio.Task[None]"]:
    """Let a device take part until the context ends; the value is done when it ends by itself.

    Raises:
        MfptError: The broker cannot be reached.
    """
    await transport.connect()
    task = asyncio.create_task(client.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        client.close()
