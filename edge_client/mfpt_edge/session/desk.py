"""Where the owner's orders reach a running device, and where he sees what it does, from whichever process he asks."""

import asyncio
import logging
import time
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

from msgspec import structs

from mfpt_edge.session.conditions import Conditions
from mfpt_edge.session.farewell import Farewell
from mfpt_edge.session.orders import (
    AnyOrder,
    AnyReport,
    Change,
    DeviceReport,
    Done,
    Leave,
    Left,
    Pause,
    Resume,
    ShowDevice,
    ShowSent,
)
from mfpt_edge.session.snapshot import Snapshot
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_edge.storage.forgetting import forget_device
from mfpt_edge.storage.identity import Identity
from mfpt_edge.storage.sent_log import read_sent
from mfpt_edge.storage.uploaded import Uploaded
from mfpt_shared.environment import sentence
from mfpt_shared.errors import MfptError

_ITSELF: Final = "it goes on by itself"

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Desk:
    """Obeys the owner's orders for one run of a device.

    Attributes:
        conditions: When the device trains.
        farewell: What the device says at the end; None before it takes part.
    """

    def __init__(
        self, folder: DeviceFolder, identity: Identity, conditions: Conditions, uploaded: Uploaded, cache: Path
    ) -> None:
        """Prepare.

        Args:
            folder: State folder, which this process owns.
            identity: Which device it is.
            conditions: When it trains.
            uploaded: What was sent this month.
            cache: The user's cache.
        """
        self._folder = folder
        self._cache = cache
        self.conditions = conditions
        self._uploaded = uploaded
        self._report = DeviceReport(
            device=identity.client,
            language=identity.language,
            folder=str(folder.path),
            started=time.time(),
            snapshot=Snapshot(language=identity.language),
        )
        self._asked = asyncio.Event()
        self._left: asyncio.Future[Left] = asyncio.get_running_loop().create_future()
        self._leaving: Leave | None = None
        self.farewell: Farewell | None = None

    def place(self, federation: str, broker: str, farewell: Farewell) -> None:
        """Note where the device takes part, now that it is known, and what says that it does not any more."""
        self.farewell = farewell
        self._report = structs.replace(self._report, federation=federation, broker=broker)

    def shown(self, snapshot: Snapshot) -> Snapshot:
        """Note what the device does, and return it with what its owner has to know besides."""
        self._uploaded.note(snapshot.bytes_up)
        if snapshot.phase == "training" and (why := self.conditions.pause):
            advice = "" if self.conditions.settings.paused else _ITSELF
            snapshot = replace(snapshot, waits_for=f"training pauses: {why}", advice=advice)
        self._report = structs.replace(self._report, snapshot=snapshot)
        return snapshot

    def close(self) -> None:
        """Write down what was counted; the device takes part no more."""
        self._uploaded.close()

    async def obey(self, order: AnyOrder) -> AnyReport:
        """Carry out an order.

        Raises:
            MfptError: It cannot be carried out.
        """
        match order:
            case ShowDevice():
                facts = self.conditions
                about = {"pause": facts.pause, "settings": facts.settings, "uploaded": self._uploaded.bytes}
                return structs.replace(self._report, **about)
            case ShowSent(after=after):
                return await asyncio.to_thread(read_sent, self._folder.path, after)
            case Pause() | Resume():
                return self._changed(paused=isinstance(order, Pause))
            case Change(settings=settings):
                return self._changed(**structs.asdict(settings))
            case Leave():
                self._leaving = order
                self._asked.set()
                return await asyncio.shield(self._left)

    async def until_left(self, taking_part: Coroutine[Any, Any, T]) -> T | Left:
        """Take part until that has ended, or the owner lets the device leave; then it is cancelled.

        What the owner wants holds also where both come at once.

        Raises:
            MfptError: Taking part has failed, or what the device keeps cannot be removed.
        """
        part = asyncio.ensure_future(taking_part)
        asked = asyncio.ensure_future(self._asked.wait())
        try:
            await asyncio.wait((part, asked), return_when=asyncio.FIRST_COMPLETED)
            if self._leaving is None:
                return part.result()
            self._left.set_result(await self._leave(part, self._leaving))
            return self._left.result()
        except MfptError as error:
            if self._leaving is not None:
                self._left.set_exception(error)
            raise
        finally:
            for task in (part, asked):
                task.cancel()
            await asyncio.wait((part, asked))

    async def _leave(self, part: asyncio.Future[T], order: Leave) -> Left:
        """End in order, and forget what there is to forget."""
        if self.farewell is not None:
            self.farewell.forgets = order.forget
        part.cancel()
        await asyncio.wait((part,))
        if not part.cancelled() and (error := part.exception()) is not None:
            _log.warning("it did not leave in order: %s", error)
        left = Left(device=self._report.device, language=self._report.language)
        if not order.forget:
            return structs.replace(left, updates_waiting=len(self._folder.outbox().sequences()))
        was_heard = self.farewell is not None and self.farewell.was_heard
        forget_device(self._folder.path, self._cache)
        return structs.replace(left, forgotten=True, coordinator_asked=was_heard)

    def _changed(self, **settings: Any) -> Done:  # noqa: ANN401 - the fields of Settings, each of its own type
        try:
            self.conditions.change(structs.replace(self.conditions.settings, **settings))
        except OSError as error:
            raise MfptError(f"this cannot be kept, and is as before: {sentence(error, self._folder.path)}") from error
        return Done()
