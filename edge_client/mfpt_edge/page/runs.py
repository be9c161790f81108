"""Devices that take part in the page's own process: begun by it, and steered through their sockets as any other."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mfpt_edge.page.owner import OwnerAtPage
from mfpt_edge.session.snapshot import Snapshot
from mfpt_shared.environment import explained
from mfpt_shared.errors import InUse, MfptError
from mfpt_shared.invitation import InvitationLine
from mfpt_shared.languages import LanguageCode

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the owner wants to take part in.

    Attributes:
        folder: State folder of the device.
        federation: Name of the federation.
        language: Language of the device.
        invitation: Invitation with which it is to be admitted; None: it is a member, or there is no need.
        examples: The owner's examples; None: the data that the plan names.
    """

    folder: Path
    federation: str
    language: LanguageCode
    invitation: InvitationLine | None
    examples: Path | None


class PageView:
    """See `mfpt_edge.commands.join.View`. What is shown, the page asks the device's socket for."""

    def __init__(self) -> None:
        self.owner = OwnerAtPage()

    @contextmanager
    def shown(self) -> Iterator[None]:
        """See View.shown."""
        yield

    def update(self, snapshot: Snapshot) -> None:
        """See View.update."""


Begin = Callable[[Wish, PageView], Coroutine[Any, Any, object]]
"""Takes part as somebody wishes, until the federation ends or the device leaves, and returns what came of it."""


class Run:
    """A device that takes part, or has taken part, in this process.

    Attributes:
        owner: Its owner, before the page.
        result: What came of it; None: it goes on, or has failed.
        problem: What it failed with; None: it has not.
    """

    def __init__(self, wish: Wish, begin: Begin) -> None:
        view = PageView()
        self.owner = view.owner
        self.result: object | None = None
        self.problem: MfptError | None = None
        self._task = asyncio.create_task(self._take_part(begin(wish, view)))

    @property
    def goes_on(self) -> bool:
        """Whether it still takes part."""
        return not self._task.done()

    async def end(self) -> None:
        """End it now; what has not been confirmed is kept for the next time."""
        self.owner.leave()
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def ended(self) -> None:
        """Wait until it does not take part any more."""
        await asyncio.wait({self._task})

    async def _take_part(self, part: Coroutine[Any, Any, object]) -> None:
        try:
            self.result = await part
        except MfptError as error:
            self.problem = error
        except Exception as error:  # noqa: BLE001 - the page goes on, and says it; the log has the traceback
            _log.exception("the device has ended")
            self.problem = explained(error) or MfptError(f"unexpected {type(error).__name__}: {error} (a bug)")
        finally:
            self.owner.leave()


class Runs:
    """All runs of this process, one for each state folder.

    Args:
        begin: Takes part.
    """

    def __init__(self, begin: Begin) -> None:
        self._begin = begin
        self._runs: dict[Path, Run] = {}

    def of(self, folder: Path) -> Run | None:
        """Return the newest run on a state folder."""
        return self._runs.get(folder)

    def begin(self, wish: Wish) -> None:
        """Let a device take part.

        Raises:
            InUse: It does already.
        """
        before = self._runs.get(wish.folder)
        if before is not None and before.goes_on:
            raise InUse("this device takes part already")
        self._runs[wish.folder] = Run(wish, self._begin)

    def forget(self, folder: Path) -> None:
        """Say no more of a run that has ended."""
        run = self._runs.get(folder)
        if run is not None and not run.goes_on:
            del self._runs[folder]

    async def close(self) -> None:
        """End all."""
        for run in self._runs.values():
            await run.end()
