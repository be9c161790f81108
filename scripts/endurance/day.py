"""A federation of stub devices under a clock that goes faster: coordinator, store and broker are the real ones."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from machine import machine
from soaking.audit import Ledger, audit
from soaking.looks import look
from soaking.series import Sample, Trend, trends
from stub_federation import fast_clock
from stub_federation.group import GroupProcess
from stub_federation.plans import FEDERATION, LANGUAGES, stub_plan
from stub_federation.reports import Group
from stub_federation.service import Service, serving

HOUR: Final = 3600.0
BUFFER: Final = 10
"""Updates of a fold."""
_GROUP_DEVICES: Final = 100
_SAMPLES: Final = 96
_WARM_UP_SHARE: Final = 1 / 24

Say = Callable[[str], None]
"""Tells how far it is."""


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. Times are those of the fast clock.

    Attributes:
        hours: How long it was.
        speed: How much faster the clock goes than the machine's.
        folds: Versions that were made.
        acknowledged: Updates whose device was told that they are stored.
        lost: Those of them that are not stored as they were sent.
        twice: Updates that count twice.
        ended: Devices that gave up, by reason; each was started again.
        failed_logins: Logins that the broker refused.
        trends: How memory, descriptors and sizes went after the first twenty-fourth of the time.
        series: All samples.
    """

    hours: float
    speed: float
    devices: int
    folds: int
    acknowledged: int
    lost: int
    twice: int
    ended: dict[str, int]
    failed_logins: int
    trends: dict[str, Trend]
    series: list[Sample]
    machine: str

    @property
    def is_sound(self) -> bool:
        """Whether something was folded, and nothing lost or folded twice."""
        return self.folds > 0 and self.lost == self.twice == 0


async def live(folder: Path, devices: int, hours: float, speed: float, folds: int, say: Say) -> Day:
    """Let devices take part for some hours of a fast clock.

    Args:
        folder: Empty folder for everything that is written.
        devices: Number of devices.
        hours: How long, in hours of the fast clock.
        speed: How much faster it goes than the machine's.
        folds: Number of versions that devices should make of these hours: their rounds are as long as that takes.
        say: Tells how far it is.

    Raises:
        MfptError: The coordinator does not start.
    """
    ledger, samples = Ledger(), list[Sample]()
    program = ("-m", fast_clock.MODULE, str(speed), "mfpt_coord")
    service = Service(folder, stub_plan(devices, buffer=min(BUFFER, devices)), program=program)
    round_seconds = hours * HOUR * devices / (folds * min(BUFFER, devices)) / speed
    async with serving(service), _running(folder, service, devices, round_seconds, speed, ledger):
        began, found = time.monotonic(), audit(service.database, {})
        while (seconds := speed * (time.monotonic() - began)) < hours * HOUR:
            with suppress(sqlite3.Error):
                found = await asyncio.to_thread(audit, service.database, ledger.snapshot())
            samples.append(look(service, found, seconds))
            say(f"{seconds / HOUR:.1f} of {hours:g} h: {found.folded} updates folded, {found.lost} lost")
            await asyncio.sleep(hours * HOUR / _SAMPLES / speed)
        status = await service.status()
        found = await asyncio.to_thread(audit, service.database, ledger.snapshot())
    return Day(
        hours=hours,
        speed=speed,
        devices=devices,
        folds=status.folds,
        acknowledged=found.acknowledged,
        lost=found.lost,
        twice=found.twice,
        ended=dict(ledger.ended),
        failed_logins=status.failed_logins,
        trends=trends(samples, _WARM_UP_SHARE * hours * HOUR),
        series=samples,
        machine=machine(),
    )


@asynccontextmanager
async def _running(
    folder: Path, service: Service, devices: int, seconds: float, speed: float, ledger: Ledger
) -> AsyncIterator[None]:
    """Run the devices, in a few processes, until the context ends; they are then killed.

    Args:
        folder: Where their folders are made.
        service: The coordinator.
        devices: Number of devices.
        seconds: Mean time of a round, by the machine's clock.
        speed: How much faster the devices' clock goes.
        ledger: Takes what they tell.
    """
    async with AsyncExitStack() as stack:
        for first in range(0, devices, _GROUP_DEVICES):
            numbers = range(first, min(first + _GROUP_DEVICES, devices))
            group = Group(
                broker=str(service.address),
                federation=FEDERATION,
                folders=[str(folder / f"device-{number}") for number in numbers],
                languages=[LANGUAGES[number % len(LANGUAGES)] for number in numbers],
                seconds=(0.5 * seconds, 1.5 * seconds),
                seed=first,
                is_light=True,
                spread=seconds * speed,
            )
            program = ("-m", fast_clock.MODULE, str(speed), "stub_federation")
            process = GroupProcess(group, folder / "devices.log", ledger.hear, program=program)
            stack.push_async_callback(process.kill)
            await process.start()
        yield
