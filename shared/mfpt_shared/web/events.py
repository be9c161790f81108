"""Server-sent events: what happens, told to a page for as long as it listens.

Source: HTML Living Standard, WHATWG, section 9.2 (server-sent events).
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

import msgspec
from starlette.responses import StreamingResponse

HEARTBEAT_SECONDS: Final = 15.0
"""After so long a silence a line without meaning is sent, which shows both sides that the other is there."""
_RETRY: Final = b"retry: 2000\n\n"


def event_stream(
    source: AsyncGenerator[object, None], stopping: asyncio.Event, heartbeat: float = HEARTBEAT_SECONDS
) -> StreamingResponse:
    """Return the answer to a page that listens.

    Args:
        source: What is told, each as msgspec writes it as JSON; it is closed when the page goes away.
        stopping: Ends the stream when it is set.
        heartbeat: Seconds of silence after which a line without meaning is sent.
    """
    return StreamingResponse(_lines(source, stopping, heartbeat), media_type="text/event-stream")


async def _lines(
    source: AsyncGenerator[object, None], stopping: asyncio.Event, heartbeat: float
) -> AsyncIterator[bytes]:
    stop = asyncio.create_task(stopping.wait())
    following: asyncio.Task[object] = asyncio.create_task(_next(source))
    try:
        yield _RETRY
        while True:
            done, _ = await asyncio.wait({stop, following}, timeout=heartbeat, return_when=asyncio.FIRST_COMPLETED)
            if stop in done:
                return
            if following not in done:
                yield b": still here\n\n"
                continue
            try:
                told = following.result()
            except StopAsyncIteration:
                return
            yield b"data: " + msgspec.json.encode(told) + b"\n\n"
            following = asyncio.create_task(_next(source))
    finally:
        for task in (stop, following):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
                await task
        await source.aclose()


async def _next(source: AsyncGenerator[object, None]) -> object:
    return await anext(source)
