"""The operator's page of a coordinator that runs in this event loop, and requests to it without a browser."""

import asyncio
import contextlib
import http.client
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from mfpt_coord.page.serving import served
from mfpt_coord.server.broker_config import Listen
from mfpt_coord.server.data_folder import DATABASE_FILE
from mfpt_coord.server.operator import Operator
from mfpt_coord.server.web import WebSetting
from support.closed import Closed

SECONDS = 20.0


@dataclass(slots=True)
class Visitor:
    """What sends requests to a page as a browser does, and keeps its cookie."""

    host: str
    headers: dict[str, str] = field(default_factory=dict)

    async def asks(self, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        """Return the status of the answer, and what it says: JSON, or a line of text."""
        return await asyncio.to_thread(self._asks, path, body, headers)

    def _asks(self, path: str, body: object, headers: dict[str, str]) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(self.host, timeout=SECONDS)
        with contextlib.closing(connection):
            given = None if body is None else json.dumps(body)
            own = {} if body is None else {"Origin": f"http://{self.host}"}
            connection.request("GET" if body is None else "POST", path, given, {**own, **self.headers, **headers})
            answer = connection.getresponse()
            if cookie := answer.getheader("Set-Cookie"):
                self.headers["Cookie"] = cookie.partition(";")[0]
            text = answer.read().decode()
            is_json = (answer.getheader("Content-Type") or "").startswith("application/json")
            return answer.status, json.loads(text) if is_json else text


@dataclass(frozen=True, slots=True)
class Page:
    """A page that is served."""

    links: Callable[[], Awaitable[str]]

    async def visitor(self) -> Visitor:
        """Return a visitor who has opened a link."""
        link = urlsplit(await self.links())
        visitor = Visitor(link.netloc)
        status, _ = await visitor.asks(f"/?{link.query}")
        assert status == 200
        return visitor


@contextlib.asynccontextmanager
async def page_of(federation: Closed) -> AsyncIterator[Page]:
    """Serve the page of a federation until the context ends."""
    operator = Operator(federation.coordinator, federation.key.public, (federation.broker,))
    setting = WebSetting(Listen("127.0.0.1", 0), ("127.0.0.1", "localhost"), federation.folder / DATABASE_FILE)
    async with served(operator, setting) as links:
        yield Page(links)
