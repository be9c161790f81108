"""A page's server: it tells what happens, and stops in order."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mfpt_shared.errors import ConnectionFailed
from mfpt_shared.web.connections import Limits
from mfpt_shared.web.events import event_stream
from mfpt_shared.web.serving import listen, serving
from support.certificates import Authority

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


async def ended(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(ConnectionResetError):
        assert await reader.read() == b""


@pytest.mark.parametrize("is_tls", [False, True])
def test_one_connection_too_many_is_closed_at_once_and_those_that_ask_for_nothing_later(
    tmp_path: Path, *, is_tls: bool
) -> None:
    authority = Authority(tmp_path)
    issued = authority.issue("page", "127.0.0.1")
    tls, trust = None, None
    if is_tls:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(issued.cert, issued.key)
        trust = ssl.create_default_context(cafile=authority.certificate)

    async def page(_: Request) -> Response:
        return Response(b"here")

    async def scenario() -> None:
        listening, limits = listen("127.0.0.1", 0, "--port"), Limits(connections=2, patience=0.5)
        app = Starlette(routes=[Route("/", page)])
        async with serving(app, listening, asyncio.Event(), tls, limits):
            address = listening.getsockname()
            silent = [await asyncio.open_connection(*address) for _ in range(3)]
            ends = [asyncio.create_task(ended(reader)) for reader, _ in silent]
            first, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            assert first == {ends[2]}
            await asyncio.gather(*ends)
            reader, writer = await asyncio.open_connection(*address, ssl=trust)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await read_until(reader, b"here")
            for _, one in (*silent, (reader, writer)):
                one.close()

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))
