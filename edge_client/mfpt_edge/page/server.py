"""The volunteer's page, from the moment that it can be opened until its program ends."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from starlette.applications import Starlette

from mfpt_edge.page.devices import Devices
from mfpt_edge.page.joining import Joining
from mfpt_edge.page.runs import Begin, Runs
from mfpt_edge.page.steering import Steering
from mfpt_edge.storage.examples_file import MOST_BYTES
from mfpt_shared.web.guard import Door, Guard
from mfpt_shared.web.keys import Keys
from mfpt_shared.web.pages import page_routes
from mfpt_shared.web.serving import listen, serving
from mfpt_shared.web.static_files import KIT, StaticFiles

HOST: Final = "127.0.0.1"
_STATIC: Final = Path(__file__).parent / "static"
_HOW: Final = "Open the address that mfpt-edge open has printed; it ends in a token."


class Page:
    """A page that can be opened."""

    def __init__(self, port: int, keys: Keys) -> None:
        self.port = port
        self._keys = keys

    def address(self, *, once: bool = False) -> str:
        """Return an address that lets a browser in: any number of times, or once."""
        return f"http://{HOST}:{self.port}/?token={self._keys.new_link(once=once)}"


@asynccontextmanager
async def page(devices: Devices, begin: Begin, port: int) -> AsyncIterator[Page]:
    """Serve the page until the context ends; devices that it has begun end with it.

    Args:
        devices: Where devices are.
        begin: Lets a device take part.
        port: Port on the loopback interface; 0: a free one.

    Raises:
        ConnectionFailed: The port cannot be listened on.
    """
    listening = listen(HOST, port, "--port")
    port = listening.getsockname()[1]
    stopping, runs, keys = asyncio.Event(), Runs(begin), Keys(time.monotonic)
    door = Door(
        hosts=frozenset({f"{HOST}:{port}", f"localhost:{port}"}),
        keys=keys,
        cookie=f"mfpt-{port}",
        how_to_enter=_HOW,
        larger={"/api/file": MOST_BYTES},
    )
    routes = [
        *page_routes(StaticFiles([KIT, _STATIC])),
        *Joining(devices, runs).routes(),
        *Steering(devices, runs, stopping).routes(),
    ]
    async with serving(Guard(Starlette(routes=routes), door), listening, stopping):
        try:
            yield Page(port, keys)
        finally:
            await runs.close()
