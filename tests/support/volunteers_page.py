"""The volunteer's page, served in the test's own event loop, and asked by HTTP as a browser would ask."""

import asyncio
import http.client
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from mfpt_edge.page.devices import Devices
from mfpt_edge.page.runs import PageView, Wish
from mfpt_edge.page.server import Page, page
from support.inbox import SECONDS


class Answer(NamedTuple):
    """What the page's server answers."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, as JSON."""
        return json.loads(self.body)


class Browser:
    """Somebody who has come in with the page's address."""

    def __init__(self, shown: Page) -> None:
        self.page = shown
        self.cookie = ""
        self.seconds = SECONDS

    @property
    def origin(self) -> str:
        """Origin of the page."""
        return f"http://127.0.0.1:{self.page.port}"

    async def comes_in(self) -> Answer:
        """Open the page's address, and keep the cookie."""
        answer = await self.asks("GET", self.page.address().removeprefix(self.origin))
        self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return answer

    async def asks(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        """Send a request, with the cookie, and with the page's origin where it changes something."""
        own = {"cookie": self.cookie} | ({} if method == "GET" else {"origin": self.origin})
        return await asyncio.wait_for(
            asyncio.to_thread(self._send, method, path, body, own | (headers or {})), self.seconds
        )

    async def gets(self, path: str) -> Any:
        """Return the JSON that is at a path."""
        return (await self.asks("GET", path)).json

    async def posts(self, path: str, **content: Any) -> Answer:
        """Send JSON."""
        return await self.asks("POST", path, json.dumps(content).encode())

    def _send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.page.port, timeout=self.seconds)
        try:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read())
        finally:
            connection.close()


class Beginnings:
    """What the page has begun: `begin` of a page, which takes part in nothing until it is told how that ended."""

    def __init__(self) -> None:
        self.wishes: list[Wish] = []
        self.endings: asyncio.Queue[object] = asyncio.Queue()

    def __call__(self, wish: Wish, view: PageView) -> Coroutine[Any, Any, object]:
        """See `mfpt_edge.page.runs.Begin`."""
        self.wishes.append(wish)
        return self._take_part()

    async def _take_part(self) -> object:
        ending = await self.endings.get()
        if isinstance(ending, Exception):
            raise ending
        return ending


@asynccontextmanager
async def opened(home: Path, begin: Beginnings | None = None) -> AsyncIterator[Browser]:
    """Serve the page of the devices in a folder, and come in."""
    async with page(Devices(home, None), begin or Beginnings(), 0) as shown:
        browser = Browser(shown)
        await browser.comes_in()
        yield browser
