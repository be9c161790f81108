"""What `mfpt-coord status` writes: tables for people, lines of JSON for programs, plain lines for a file."""

import contextlib
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

import msgspec
from rich.live import Live

from mfpt_coord.commands.sight import Sight, Unseen
from mfpt_coord.commands.status_view import render
from mfpt_shared.command_line import say, say_data
from mfpt_shared.errors import ConnectionFailed
from mfpt_shared.terminal import PlainConsole
from mfpt_shared.texts import printable

REMIND_SECONDS: Final = 5.0
"""Time between two plain lines on a coordinator that is not online, and of which nothing new is heard."""


async def show_once(sights: AsyncGenerator[Sight], *, as_json: bool) -> None:
    """Write how a federation stands.

    Raises:
        ConnectionFailed: Its coordinator is not online; what was last known of the federation is written all the same.
        MfptError: See `monitoring`.
    """
    try:
        async with contextlib.aclosing(sights):
            async for sight in sights:
                if sight.is_settled:
                    break
    except Unseen as unseen:
        if as_json:
            say_data(unseen.as_json())
        raise
    if as_json:
        say_data(sight.as_json())
    else:
        PlainConsole().print(render(sight, time.time()))
    if sight.health != "online":
        raise ConnectionFailed(_not_online(sight))


def _not_online(sight: Sight) -> str:
    what = f"the coordinator of federation {sight.status.federation}"
    if sight.health == "offline":
        return f"{what} is offline: it has ended, or has lost its broker; start it with mfpt-coord serve"
    return (
        f"{what} has not been heard for {sight.quiet:.0f} s, although it has not said that it ends: it was killed or "
        "hangs; look into its log, and start it again with mfpt-coord serve"
    )


async def keep_showing(sights: AsyncGenerator[Sight], *, as_json: bool) -> None:
    """Write how a federation stands, again and again: on a terminal in place, elsewhere line by line."""
    if as_json:
        await _write_json(sights)
    elif sys.stdout.isatty():
        await _draw(sights)
    else:
        await _write_lines(sights)


async def _draw(sights: AsyncIterator[Sight]) -> None:
    with Live(console=PlainConsole(), screen=True, auto_refresh=False) as live:
        async for sight in sights:
            if sight.is_settled:
                live.update(render(sight, time.time()), refresh=True)


async def _write_json(sights: AsyncIterator[Sight]) -> None:
    """Write a line at every change: of the status, or of the health."""
    written = None
    async for sight in sights:
        state = sight.health, msgspec.structs.replace(sight.status, at=0.0)
        if sight.is_settled and state != written:
            say_data(sight.as_json())
            written = state


async def _write_lines(sights: AsyncIterator[Sight]) -> None:
    """Write a line at every change, and now and then while the coordinator is not online."""
    written, due = None, 0.0
    async for sight in sights:
        state, now = (sight.health, sight.connected, _summary(sight)), time.monotonic()
        if sight.is_settled and (state != written or (sight.health != "online" and now >= due)):
            at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            say(f"{at} {sight.in_words()}; {_summary(sight)}")
            written, due = state, now + REMIND_SECONDS


def _summary(sight: Sight) -> str:
    """Return what a status says in one line, without anything that changes from second to second."""
    status = sight.status
    phases = Counter(sight.phase_of(device.state, device.phase) for device in status.clients)
    devices = ", ".join(f"{count} {phase}" for phase, count in sorted(phases.items())) or "none"
    counts = status.updates
    return printable(
        f"version {status.version}, buffer {status.buffer}/{status.buffer_size}; devices: {devices}; updates: "
        f"{counts.accepted} accepted, {counts.rejected} rejected, {counts.duplicate} duplicate, {counts.stale} stale"
    )
