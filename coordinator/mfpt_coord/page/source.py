"""What the page knows of the coordinator: how it is now, what its database holds, and a way to give it orders.

Everything here is called in the page's own event loop. The coordinator's is only asked for a value that it has at hand.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from mfpt_coord.core.audit import Actor
from mfpt_coord.server.metrics.vital_signs import VitalSigns
from mfpt_coord.server.operator import Operator
from mfpt_coord.server.orders import AnyOrder, AnyReport
from mfpt_coord.server.stored_errors import explained
from mfpt_coord.server.stored_log import read_only
from mfpt_coord.server.stored_reading import read_rows
from mfpt_coord.server.stored_rows import Rows
from mfpt_shared.errors import TimedOut

T = TypeVar("T")

PATIENCE_SECONDS: Final = 10.0
BY_PAGE: Final = "web page"
"""Who gives orders through the page, for the audit table: whoever has a link is as good as the operator."""


class Seen(NamedTuple):
    """How the coordinator is at one moment.

    Attributes:
        signs: What it knows and how it works.
        ahead: By how much the clock on the wall is ahead of the state's, seconds.
    """

    signs: VitalSigns
    ahead: float


@dataclass(frozen=True, slots=True)
class Source:
    """One coordinator, as its page sees it.

    Attributes:
        loop: The coordinator's event loop, in another thread.
        operator: What carries out orders, in that loop.
        place: Path of the database, or URL of one in PostgreSQL.
    """

    loop: asyncio.AbstractEventLoop
    operator: Operator
    place: Path | str

    async def look(self) -> Seen:
        """Return how the coordinator is now.

        Raises:
            TimedOut: Its event loop does not answer.
        """
        coordinator = self.operator.coordinator
        seen: asyncio.Future[Seen] = asyncio.get_running_loop().create_future()
        answer = asyncio.get_running_loop().call_soon_threadsafe

        def taken() -> None:
            found = Seen(coordinator.vital_signs(), coordinator.ahead)
            answer(_set, seen, found)

        try:
            self.loop.call_soon_threadsafe(taken)
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await seen
        except (TimeoutError, RuntimeError) as error:  # it hangs, or has been closed
            raise TimedOut("the coordinator does not answer: it is busy, hangs, or has just ended") from error

    async def order(self, order: AnyOrder) -> AnyReport:
        """Give an order, as the shell does.

        Raises:
            MfptError: It was not carried out.
        """
        obeyed = asyncio.run_coroutine_threadsafe(self.operator.obey(order, Actor(BY_PAGE)), self.loop)
        return await asyncio.wrap_future(obeyed)

    async def read(self, read: Callable[[Rows], T]) -> T:
        """Return what a function reads in the database, in a thread of its own.

        Raises:
            MfptError: It cannot be read.
        """
        return await asyncio.to_thread(self._read, read)

    def _read(self, read: Callable[[Rows], T]) -> T:
        if isinstance(self.place, str):
            return read_rows(self.place, read)
        # Not `reading`, which looks at the first bytes of the file: when a process closes any descriptor of a file,
        # POSIX ends all locks that it has on it, and so SQLite's, of the connection that the coordinator writes with.
        try:
            with closing(read_only(self.place)) as database:
                return read(database)
        except sqlite3.Error as error:
            raise explained(error, self.place) from error


def _set(seen: "asyncio.Future[Seen]", found: Seen) -> None:
    if not seen.done():  # whoever waited may have gone
        seen.set_result(found)
