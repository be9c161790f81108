"""Everything that a soak runs, and can do harm to."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from stub_federation import shifted_clock
from stub_federation.group import GroupProcess
from stub_federation.plans import FEDERATION, LANGUAGES, stub_plan
from stub_federation.relay import Relay
from stub_federation.reports import AnyReport, Group
from stub_federation.service import Service, serving

GROUP_DEVICES: Final = 5
_ROUND_SECONDS: Final = (0.5, 4.0)
_DISTURBED: Final = 0.05
"""Share of the devices' messages that do not pass as they are sent."""


@dataclass(slots=True)
class Cell:
    """A process of devices, and the cable that leads to the broker.

    Attributes:
        lock: Held by whoever does harm to it.
    """

    process: GroupProcess
    relay: Relay
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def folders(self) -> list[Path]:
        """State folders of its devices."""
        return [Path(folder) for folder in self.process.group.folders]


@dataclass(slots=True)
class Field:
    """A federation at work.

    Attributes:
        folder: Folder of everything.
        service: The coordinator, with its broker.
        cells: The devices.
        chance: What decides about faults.
        clock: File with the seconds by which the coordinator's clock is off.
        lock: Held by whoever does harm to the coordinator or its broker.
        done: Faults so far, by kind.
    """

    folder: Path
    service: Service
    cells: list[Cell]
    chance: random.Random
    clock: Path
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    done: Counter[str] = field(default_factory=Counter)

    def outboxes(self) -> set[Path]:
        """Return the updates that wait on devices to be acknowledged."""
        folders = [folder for cell in self.cells for folder in cell.folders]
        return {update for folder in folders for update in (folder / "outbox").glob("*.update")}


@asynccontextmanager
async def field_of(folder: Path, devices: int, seed: int, hear: Callable[[AnyReport], None]) -> AsyncIterator[Field]:
    """Run a federation until the context ends; the coordinator is then stopped in order, and the devices killed.

    Args:
        folder: Empty folder for everything that is written.
        devices: Number of devices.
        seed: Seed of everything that is random.
        hear: Takes what the devices tell.

    Raises:
        MfptError: The coordinator does not start.
    """
    clock = folder / "clock"
    clock.write_text("0", encoding="ascii")
    program = ("-m", shifted_clock.MODULE, str(clock), "mfpt_coord")
    service = Service(folder, stub_plan(devices, buffer=max(1, devices // 2)), program=program)
    async with serving(service), AsyncExitStack() as stack:
        cells = []
        for first in range(0, devices, GROUP_DEVICES):
            relay = await stack.enter_async_context(Relay(service.address))
            numbers = range(first, min(first + GROUP_DEVICES, devices))
            group = Group(
                broker=str(relay.address),
                federation=FEDERATION,
                folders=[str(folder / f"device-{number}") for number in numbers],
                languages=[LANGUAGES[number % len(LANGUAGES)] for number in numbers],
                seconds=_ROUND_SECONDS,
                seed=seed + first,
                disturbed=_DISTURBED,
            )
            process = GroupProcess(group, folder / "devices.log", hear)
            stack.push_async_callback(process.kill)
            await process.start()
            cells.append(Cell(process, relay))
        yield Field(folder, service, cells, random.Random(seed), clock)
