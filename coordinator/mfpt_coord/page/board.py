"""What all pages show, as of one moment: made when somebody asks, and at most once in a while, however many ask."""

import asyncio
import time
from typing import Final

from mfpt_coord.core.state import State
from mfpt_coord.page.devices import DeviceView
from mfpt_coord.page.languages import LanguageView
from mfpt_coord.page.names import Names
from mfpt_coord.page.overview import Overview, overview
from mfpt_coord.page.past import Past
from mfpt_coord.page.source import Seen, Source

FRESH_SECONDS: Final = 1.0
"""A moment serves all who ask within this time..."""
COST_FACTOR: Final = 20.0
"""...or within this many times what it cost to make, so that the page takes no more than a twentieth of a processor."""


class Moment:
    """A federation at one moment."""

    def __init__(self, seen: Seen, past: Past, names: Names) -> None:
        """Look at how the coordinator is, and at the history up to it."""
        self.seen = seen
        self.state: State = seen.signs.state
        self.past = past
        self.names = names
        self.languages = LanguageView(self.state, past, names)
        self.devices = DeviceView(self.state, seen.signs.at, seen.ahead, names)

    def overview(self) -> Overview:
        """Return how the federation stands."""
        newest = self.past.newest
        return overview(self.seen, self.devices, self.languages, self.names, newest)


class Board:
    """Keeps the newest moment, and makes another one when it is asked for.

    Attributes:
        source: The coordinator.
        names: Names of languages.
    """

    def __init__(self, source: Source) -> None:
        """Prepare to look at a coordinator."""
        self.source = source
        self.names = Names()
        self._past = Past()
        self._moment: Moment | None = None
        self._until = 0.0
        self._making = asyncio.Lock()

    async def moment(self, *, fresh: bool = False) -> Moment:
        """Return the newest moment.

        Args:
            fresh: Whether it must be of now: after an order, whoever gave it wants to see what came of it.

        Raises:
            MfptError: The coordinator does not answer, or its database cannot be read.
        """
        async with self._making:
            if self._moment is None or fresh or time.monotonic() >= self._until:
                self._moment = await self._made()
            return self._moment

    async def _made(self) -> Moment:
        seen = await self.source.look()
        if seen.signs.state.version > self._past.version:
            await self.source.read(self._past.catch_up)
        began = time.monotonic()
        moment = Moment(seen, self._past, self.names)
        ended = time.monotonic()
        self._until = ended + max(FRESH_SECONDS, COST_FACTOR * (ended - began))
        return moment
