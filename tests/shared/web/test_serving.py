"""A page's server: it tells what happens, and stops in order."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mfpt_shared.errors import ConnectionFailed
from mfpt_shared.web.connections import BoundedConnection
from mfpt_shared.web.events import event_stream
from mfpt_shared.web.serving import listen, serving

pytestmark = pytest.mark.network

SECONDS = 10


async def read_until(reader: asyncio.StreamReader, wanted: bytes) -> bytes:
    return await asyncio.wait_for(reader.readuntil(wanted), SECONDS)


def test_events_come_one_by_one_silence_has_a_heartbeat_and_stopping_ends_the_stream() -> None:
    closed: list[bool] = []

    async def scenario() -> None:
        stopping, told = asyncio.Event(), asyncio.Queue[dict[str, int]]()

        async def source() -> AsyncGenerator[object, None]:
            try:
                while True:
                    yield await told.get()
            finally:
                closed.append(True)

        async def events(_: Request) -> Response:
            return event_stream(source(), stopping, heartbeat=0.05)

        listening = listen("127.0.0.1", 0, "--port")
        async with serving(Starlette(routes=[Route("/events", events)]), listening, stopping):
            reader, writer = await asyncio.open_connection(*listening.getsockname())
            writer.write(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
            told.put_nowait({"version": 1})
            await read_until(reader, b'data: {"version":1}\n\n')
            await read_until(reader, b": still here\n\n")
            told.put_nowait({"version": 2})
            await read_until(reader, b'data: {"version":2}\n\n')
        await asyncio.wait_for(reader.read(), SECONDS)
        writer.close()

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))
    assert closed == [True]


def test_a_port_that_is_taken_is_named_with_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConnectionFailed, match="name another port with --web"):
            listen("127.0.0.1", taken.getsockname()[1], "--web")


def test_more_connections_than_there_may_be_are_closed_at_once_and_so_are_those_that_ask_for_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(BoundedConnection, "most", 2)
    monkeypatch.setattr(BoundedConnection, "first_request_seconds", 0.5)

    async def scenario() -> None:
        async def page(_: Request) -> Response:
            return Response(b"here")

        listening = listen("127.0.0.1", 0, "--port")
        async with serving(Starlette(routes=[Route("/", page)]), listening, asyncio.Event()):
            address = listening.getsockname()
            silent = [await asyncio.open_connection(*address) for _ in range(3)]
            with contextlib.suppress(ConnectionResetError):
                assert await asyncio.wait_for(silent[2][0].read(), SECONDS) == b""
            for reader, _ in silent[:2]:
                with contextlib.suppress(ConnectionResetError):
                    assert await asyncio.wait_for(reader.read(), SECONDS) == b""
            reader, writer = await asyncio.open_connection(*address)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await read_until(reader, b"here")
            for _, one in (*silent, (reader, writer)):
                one.close()

    asyncio.run(asyncio.wait_for(scenario(), 2 * SECONDS))
