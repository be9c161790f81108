"""The output of `mfpt-coord status`: a federation's status, for people and for scripts."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import msgspec
from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from mfpt_coord.commands.control import report_of
from mfpt_coord.server.orders import ShowStatus, Status
from mfpt_shared.errors import AuthenticationFailed, DecodeError, TimedOut
from mfpt_shared.protocol.codec import encode, understand
from mfpt_shared.protocol.messages import ClientStatus, CoordinatorState, FederationStatus
from mfpt_shared.protocol.topics import COORDINATOR_STATE, COORDINATOR_STATUS
from mfpt_shared.texts import printable
from mfpt_shared.transport.base import Inbound, SubscriptionRefused, Transport
from mfpt_shared.transport.connection import Connection

# How often the coordinator publishes its status, too.
_ASK_SECONDS: Final = 1.0
_PHASE_STYLES = {"training": "green", "uploading": "cyan", "evaluating": "cyan", "offline": "dim", "done": "dim"}


async def show_status(connection: Connection, federation: str, *, watch: bool, as_json: bool, timeout: float) -> None:
    """Print a federation's status once, or keep showing it.

    Args:
        connection: How to reach the broker.
        federation: Name of the federation.
        watch: Whether to continue until interrupted.
        as_json: Whether to print lines of JSON instead of tables.
        timeout: Time to wait for the first answer, seconds.

    Raises:
        ConnectionFailed: There is no broker at the address.
        AuthenticationFailed: The broker refused the credentials, or does not let this user read the status.
        TimedOut: The broker does not know the federation.
    """
    transport = connection.transport(f"mfpt-status-{uuid.uuid4().hex[:12]}")
    await transport.connect()
    try:
        for topic in (COORDINATOR_STATE, COORDINATOR_STATUS):
            transport.subscribe(topic.path(federation), qos=topic.qos)
        updates = _statuses(transport, federation)
        try:
            status, online = await asyncio.wait_for(anext(updates), timeout)
        except TimeoutError as error:
            raise TimedOut(
                f"{connection} knows no federation {federation!r}; is `mfpt-coord serve` running there?"
            ) from error
        await _present(status, online, updates, watch=watch, as_json=as_json)
    finally:
        await transport.close()


async def show_local_status(data_dir: Path, *, watch: bool, as_json: bool) -> None:
    """Print the status of the federation whose coordinator runs on a data folder, once, or keep showing it.

    Raises:
        ConnectionFailed: None runs there.
        TimedOut: It does not answer.
    """
    updates = _asked(data_dir)
    status, online = await anext(updates)
    await _present(status, online, updates, watch=watch, as_json=as_json)


async def _present(
    status: FederationStatus,
    online: bool,
    updates: AsyncIterator[tuple[FederationStatus, bool]],
    *,
    watch: bool,
    as_json: bool,
) -> None:
    console = Console()
    if as_json:
        _print_json(status)
        while watch:
            _print_json((await anext(updates))[0])
    elif not watch:
        console.print(render(status, online=online, now=time.time()))
    else:

        def draw() -> RenderableType:
            return render(status, online=online, now=time.time())

        # Redrawn every second: "last seen" grows even when nothing is heard.
        with Live(get_renderable=draw, console=console, screen=console.is_terminal, refresh_per_second=1):
            async for newest in updates:
                status, online = newest


async def _asked(data_dir: Path) -> AsyncIterator[tuple[FederationStatus, bool]]:
    """Yield the status that a coordinator gives through its control socket, whenever it changes."""
    shown: FederationStatus | None = None
    while True:
        status = (await asyncio.to_thread(report_of, data_dir, ShowStatus(), Status)).status
        if shown is None or msgspec.structs.replace(status, at=shown.at) != shown:
            shown = status
            yield status, True
        await asyncio.sleep(_ASK_SECONDS)


def _print_json(status: FederationStatus) -> None:
    print(encode(status).decode(), flush=True)  # noqa: T201 - JSON, and nothing else, on stdout


async def _statuses(transport: Transport, federation: str) -> AsyncIterator[tuple[FederationStatus, bool]]:
    """Yield the status and whether its coordinator is online, whenever either changes."""
    status: FederationStatus | None = None
    online: bool | None = None
    while True:
        for event in await transport.receive():
            if isinstance(event, SubscriptionRefused):
                raise AuthenticationFailed(str(event))
            if not isinstance(event, Inbound):
                continue
            try:
                received = understand(event.topic, event.payload, federation)
            except DecodeError:
                continue
            message = None if received is None else received.message
            if isinstance(message, FederationStatus):
                status = message
            elif isinstance(message, CoordinatorState):
                online = message.state == "online"
        if status is not None and online is not None:
            yield status, online


def render(status: FederationStatus, *, online: bool, now: float) -> RenderableType:
    """Return a federation's status as rich tables."""
    counts = status.updates
    head = Text.assemble(
        ("● online" if online else "○ offline", "green" if online else "red"),
        f"   version {status.version}   buffer {status.buffer}/{status.buffer_size}   plan {printable(status.plan)}\n",
        f"updates: {counts.accepted} accepted, {counts.rejected} rejected, "
        f"{counts.duplicate} duplicate, {counts.stale} stale",
    )
    parts: list[RenderableType] = [head, _languages(status), _clients(status.clients, now)]
    if status.more_languages or status.more_clients:
        parts.append(
            Text(
                f"not listed: {status.more_languages:,} languages, {status.more_clients:,} devices "
                f"({status.more_online:,} of them online)",
                "dim",
            )
        )
    if status.refused:
        parts.append(_refused(status.refused))
    if status.failed_logins:
        parts.append(Text(f"failed logins since the coordinator started: {status.failed_logins:,}", "yellow"))
    if status.staleness:
        parts.append(_staleness(status.staleness))
    return Panel(Group(*parts), title=_text(f"federation {status.federation}"), title_align="left")


def _languages(status: FederationStatus) -> Table:
    table = Table("language", "devices", "examples", "contributed", "accuracy", box=box.SIMPLE, expand=True)
    for tag, entry in status.languages.items():
        table.add_row(
            _text(tag),
            str(entry.clients),
            f"{entry.examples:,}",
            f"{entry.contributed:,}",
            accuracy_bar(entry.accuracy),
        )
    return table


def _clients(clients: list[ClientStatus], now: float) -> Table:
    columns = ("device", "language", "phase", "last seen", "accuracy", "runs on")
    table = Table(*columns, box=box.SIMPLE, expand=True)
    for client in clients:
        phase = f"{client.phase} {client.progress:.0%}" if 0 < client.progress < 1 else client.phase
        accuracy = "" if client.accuracy is None else f"{client.accuracy:.3f}"
        style = _PHASE_STYLES.get(client.phase, "")
        table.add_row(
            _text(client.id),
            _text(client.language),
            Text(printable(phase), style),
            ago(now - client.last_seen),
            accuracy,
            _text(client.device),
        )
    return table


def _refused(counts: dict[str, int]) -> Text:
    listed = ", ".join(f"{count:,} {printable(reason)}" for reason, count in sorted(counts.items()))
    return Text(f"messages refused since the coordinator started: {listed}", "yellow")


def _staleness(histogram: dict[int, int]) -> Text:
    most = max(histogram.values())
    lines = [
        f"{staleness:>4}  {'█' * max(1, round(30 * count / most))} {count}" for staleness, count in histogram.items()
    ]
    return Text("staleness of accepted updates (versions behind)\n" + "\n".join(lines))


def _text(text: str) -> Text:
    """Return a text of others as it is: nothing in it is markup, and nothing moves the terminal."""
    return Text(printable(text))


def accuracy_bar(accuracy: float | None) -> str:
    """Return an accuracy as a number and a bar of ten characters."""
    if accuracy is None:
        return "not measured yet"
    full = round(10 * accuracy)
    return f"{accuracy:.3f} {'█' * full}{'░' * (10 - full)}"


def ago(seconds: float) -> str:
    """Return how long ago something was, in the largest unit that fits."""
    for limit, unit in ((60, "s"), (3600, "min"), (86_400, "h")):
        if seconds < limit:
            return f"{max(0, int(seconds * {'s': 1, 'min': 1 / 60, 'h': 1 / 3600}[unit]))} {unit} ago"
    return f"{int(seconds / 86_400)} d ago"
