"""Serves the operator's page in a thread with an event loop of its own, beside the coordinator's."""

import asyncio
import logging
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from mfpt_coord.page.app import application
from mfpt_coord.page.board import Board
from mfpt_coord.page.source import Source
from mfpt_coord.server.broker_config import Certificate
from mfpt_coord.server.operator import Operator
from mfpt_coord.server.orders import LINK_SECONDS
from mfpt_coord.server.web import WebSetting
from mfpt_shared.errors import ConnectionFailed, UsageError
from mfpt_shared.web.guard import Door
from mfpt_shared.web.keys import Keys
from mfpt_shared.web.serving import listen, serving

HOW_TO_ENTER: Final = "Open a link that `mfpt-coord web link` prints."

_log = logging.getLogger(__name__)


@asynccontextmanager
async def served(operator: Operator, setting: WebSetting) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """Serve the page of a coordinator until the context ends.

    Args:
        operator: What carries out orders, in the event loop that this is called in.
        setting: Where the page is served.

    Yields:
        What makes a link that lets one browser in.

    Raises:
        ConnectionFailed: It cannot be listened there.
        UsageError: The certificate cannot be used.
    """
    tls = None if setting.certificate is None else _context(setting.certificate)
    listening = listen(setting.listen.host, setting.listen.port, "--web")
    port = listening.getsockname()[1]
    keys = Keys(time.monotonic)
    door = Door(setting.hosts(port), keys, f"mfpt-operator-{port}", HOW_TO_ENTER, tls=tls is not None)
    source = Source(asyncio.get_running_loop(), operator, setting.place)
    thread = _Thread(listening, source, door, tls)
    thread.start()

    async def link() -> str:
        token = await thread.call(lambda: keys.new_link(LINK_SECONDS, once=True))
        return f"{setting.address(port)}?token={token}"

    try:
        await asyncio.to_thread(thread.ready.wait)
        _log.info("operator's page: %s (lets one browser in; another link: mfpt-coord web link)", await link())
        yield link
    finally:
        await asyncio.to_thread(thread.stop)


class _Thread:
    """A thread in which the page is served."""

    def __init__(self, listening: socket.socket, source: Source, door: Door, tls: ssl.SSLContext | None) -> None:
        self._listening, self._source, self._door, self._tls = listening, source, door, tls
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="page", daemon=True)
        self.ready = threading.Event()

    def start(self) -> None:
        self._thread.start()

    async def call(self, work: Callable[[], str]) -> str:
        """Return what a function returns in the page's thread.

        Raises:
            ConnectionFailed: The page is not served any more.
        """
        if self._loop is None or not self._thread.is_alive():
            raise ConnectionFailed("the page is not served any more: see the coordinator's log")

        async def worked() -> str:
            return work()

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(worked(), self._loop))

    def stop(self) -> None:
        """End the page, and wait until it has."""
        if self._loop is not None and self._ending is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception:  # noqa: BLE001 - the loop of a service: the coordinator goes on without its page
            _log.exception("the page is not served any more")
        finally:
            self.ready.set()

    async def _serve(self) -> None:
        self._loop, self._ending, stopping = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        app = application(Board(self._source), self._door, stopping)
        async with serving(app, self._listening, stopping, self._tls):
            self.ready.set()
            await self._ending.wait()


def _context(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate.chain, certificate.key)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"--web cannot use the certificate {certificate.chain}: {error}") from error
    return context
