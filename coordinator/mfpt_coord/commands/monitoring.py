"""Where `mfpt-coord status` looks: at a broker, or at the control socket of a coordinator on this machine."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

from mfpt_coord.commands.control import report_of
from mfpt_coord.commands.sight import Observer, Sight, Unseen
from mfpt_coord.server.orders import ShowStatus, Status
from mfpt_shared.background import in_background
from mfpt_shared.control_socket import answers_in
from mfpt_shared.errors import ConnectionFailed, MfptError, TimedOut
from mfpt_shared.protocol.messages import FederationStatus
from mfpt_shared.protocol.topics import COORDINATOR_BEAT, COORDINATOR_STATE, COORDINATOR_STATUS
from mfpt_shared.transport.base import Connected, Event, Transport
from mfpt_shared.transport.connection import Connection

TICK_SECONDS: Final = 1.0
"""Time between two sights, at most: how long ago something was heard grows even when nothing is heard."""


async def seen_through_broker(connection: Connection, federation: str, timeout: float) -> AsyncGenerator[Sight]:
    """Yield what is seen of a federation through a broker, whenever something comes, and every second.

    Args:
        connection: How to reach the broker.
        federation: Name of the federation.
        timeout: Time to wait for the first answer, seconds.

    Raises:
        Unseen: There is no broker at the address.
        AuthenticationFailed: The broker refused the credentials, or does not let this user read the status.
        TimedOut: The broker does not know the federation.
    """
    transport = connection.transport(f"mfpt-status-{uuid.uuid4().hex[:12]}")
    try:
        await transport.connect()
    except ConnectionFailed as error:
        raise Unseen(str(error), "silent") from error
    began = time.monotonic()
    observer = Observer(federation, began)
    try:
        while True:
            events = await _received(transport)
            for event in events:
                observer.take(event, time.monotonic())
            now = time.monotonic()
            sight = observer.sight(now)
            if any(isinstance(event, Connected) for event in events) or (sight is None and not events):
                _subscribe(transport, federation)  # once more, too, where nothing comes: a broker may lose an answer
            if sight is not None:
                yield sight
            elif now - began > timeout:
                raise TimedOut(f"{connection} knows no federation {federation!r}; is `mfpt-coord serve` running there?")
    finally:
        await transport.close()


async def _received(transport: Transport) -> list[Event]:
    """Return what comes within a second; nothing if nothing does."""
    try:
        async with asyncio.timeout(TICK_SECONDS):
            return await transport.receive()
    except TimeoutError:
        return []


def _subscribe(transport: Transport, federation: str) -> None:
    for topic in (COORDINATOR_STATE, COORDINATOR_STATUS, COORDINATOR_BEAT):
        transport.subscribe(topic.path(federation), qos=topic.qos)


async def seen_on_this_machine(data_dir: Path) -> AsyncGenerator[Sight]:
    """Yield what is seen of the federation whose coordinator runs on a data folder, every second.

    Raises:
        Unseen: None runs there, or it does not answer.
    """
    try:
        status, heard = await _asked(data_dir)
    except ConnectionFailed as error:
        raise Unseen(str(error), "offline") from error
    except TimedOut as error:
        raise Unseen(f"{error}: it hangs; end it, and start it again with mfpt-coord serve", "silent") from error
    began, asking = heard, None
    while True:
        now = time.monotonic()
        yield Sight(status, "online" if answers_in(data_dir) else "offline", now - heard, now - began)
        await asyncio.sleep(TICK_SECONDS)
        asking = asking or asyncio.ensure_future(_asked(data_dir))
        await asyncio.wait((asking,), timeout=TICK_SECONDS)
        if asking.done():
            with contextlib.suppress(MfptError):  # what was seen before grows older
                status, heard = asking.result()
            asking = None


async def _asked(data_dir: Path) -> tuple[FederationStatus, float]:
    """Return the status that a coordinator gives through its control socket, and when, by the steady clock."""
    report = await in_background(lambda: report_of(data_dir, ShowStatus(), Status))
    return report.status, time.monotonic()
