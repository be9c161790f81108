"""When a device trains: what its owner has set, now or in an earlier run, the machine, and what was sent this month."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import asdict, replace

from mfpt_edge.core.events import ConditionsChanged
from mfpt_edge.host.hours import Hours
from mfpt_edge.host.pauses import LOOK_SECONDS, Courtesy, Pauses
from mfpt_edge.storage.settings import Said, Settings, read_settings, write_settings
from mfpt_edge.storage.uploaded import Uploaded
from mfpt_shared.sizes import readable
from mfpt_shared.system.load import load_average


class Conditions:
    """The settings that are in force, and whether they let a training begin.

    Attributes:
        courtesy: What lets a training wait that has begun.
        against: Why no training may begin, for people, when that was last looked at; empty: one may.
    """

    def __init__(self, folder: Path, said: Said, courtesy: Courtesy, uploaded: Uploaded) -> None:
        """Read what the owner has set.

        Args:
            folder: State folder, which this process owns.
            said: What the command line says for this run.
            courtesy: What lets a training wait; its pauses follow the settings.
            uploaded: What was sent this month.

        Raises:
            Damaged: The settings cannot be read.
            UsageError: The hours are none.
        """
        self._folder = folder
        self._said = said
        self.courtesy = courtesy
        self._uploaded = uploaded
        self._kept = read_settings(folder)
        self._nudged = asyncio.Event()
        self._follow()
        self.against = self._look()

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._said.over(self._kept)

    @property
    def pause(self) -> str:
        """Why training waits, or may not begin, for people; empty: it does not wait. Any thread may ask."""
        return self.courtesy.reason or self.against

    def change(self, settings: Settings) -> None:
        """Let these settings be in force from now on, and in later runs as far as they differ from those before.

        Raises:
            UsageError: The hours are none.
            OSError: They cannot be kept; those before stay in force.
        """
        pauses_of(settings)
        before = self.settings
        differ = {key: value for key, value in asdict(settings).items() if value != getattr(before, key)}
        kept = replace(self._kept, **differ)
        write_settings(self._folder, kept)
        self._kept, self._said = kept, self._said.without(before, settings)
        self._follow()
        self._nudged.set()

    async def changed(self) -> str:
        """Wait until training may begin that may not now, or the other way round; return why it may not, or ''."""
        while (against := self._look()) == self.against:
            wait = LOOK_SECONDS if self.courtesy.pauses.is_any or self.settings.max_upload is not None else None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._nudged.wait(), wait)
            self._nudged.clear()
        self.against = against
        return against

    def _follow(self) -> None:
        self.courtesy.change(pauses_of(self.settings))

    def _look(self) -> str:
        limit, sent = self.settings.max_upload, self._uploaded.bytes
        if limit is not None and sent >= limit:
            return f"{readable(sent)} were sent this month, and {readable(limit)} may be (--max-upload)"
        return self.courtesy.against_beginning() or ""


async def next_change(conditions: Conditions | None, clock: Callable[[], float]) -> ConditionsChanged:
    """Wait until training may begin that may not now, or the other way round; forever, where it always may."""
    if conditions is None:
        await asyncio.Event().wait()
    assert conditions is not None, "that event never comes"
    against = await conditions.changed()
    return ConditionsChanged(clock(), against)


def pauses_of(settings: Settings) -> Pauses:
    """Return when training waits under some settings.

    Raises:
        UsageError: The hours are none, or this system does not tell its load.
    """
    if settings.max_load is not None:
        load_average()  # which a system that has none says now, and not when the first training begins
    return Pauses(
        max_load=settings.max_load,
        on_battery=settings.on_battery == "pause",
        hours=Hours.parse(settings.hours) if settings.hours else None,
        is_paused=settings.paused,
    )
