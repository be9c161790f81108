"""A fleet of stub devices: all take part, the broker is killed, all come back."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from fleet_bench.result import Fleet, Killed
from mfpt_shared.errors import MfptError
from stub_federation.group import GroupProcess
from stub_federation.plans import FEDERATION, LANGUAGES, stub_plan
from stub_federation.reports import Acknowledged, AnyReport, Ended, Group
from stub_federation.service import Service, serving
from stub_federation.usage import usage

_GROUP_DEVICES: Final = 250
_LOOK_SECONDS: Final = 0.5
_DEVICES_A_SECOND: Final = 50.0
"""Rounds are as long as it takes that no more updates come in a second, and so are first connections."""

Say = Callable[[str], None]
"""Tells how far it is."""


class Watch:
    """What the devices tell.

    Attributes:
        accepted: When each device was last told that an update of its is stored, monotonic seconds.
        ended: Devices that gave up, by reason.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.accepted: dict[str, float] = {}
        self.ended: Counter[str] = Counter()

    def hear(self, report: AnyReport) -> None:
        """Take a report."""
        match report:
            case Acknowledged(device=device):
                self.accepted[device] = time.monotonic()
            case Ended(reason=reason):
                self.ended[reason] += 1
            case _:
                pass


async def bench(folder: Path, devices: int, killed: Killed, limit: float, say: Say) -> Fleet:
    """Let a fleet take part, kill its broker, or the coordinator with it, and see whether all come back.

    Args:
        folder: Empty folder for everything that is written.
        devices: Number of devices.
        killed: What is killed.
        limit: Longest time for each of the three: all take part, are back, and are at work again; seconds.
        say: Tells how far it is.

    Raises:
        MfptError: The coordinator does not start.
    """
    fleet, watch = Fleet(devices=devices, killed=killed), Watch()
    service = Service(folder, stub_plan(devices, buffer=max(1, devices // 4)))
    async with serving(service), _sampled(service, fleet):
        _note(service, fleet, "alone")
        async with _running(folder, service, devices, watch):
            began = time.monotonic()
            fleet.taking_part_seconds = await _until(
                lambda: _count(watch, began), devices, limit, say, "had an update accepted"
            )
            fleet.taking_part = await _count(watch, began)
            _note(service, fleet, "at_work")
            before, gone = time.time(), time.monotonic()
            await _kill(service, killed)
            took = await _until(lambda: _back(service, before), devices, limit, say, "are back")
            fleet.back_seconds = None if took is None else time.monotonic() - gone
            fleet.back = await _back(service, before)
            again = time.monotonic()
            fleet.at_work_seconds = await _until(
                lambda: _count(watch, again), devices, limit, say, "had another update accepted"
            )
            fleet.at_work_again = await _count(watch, again)
            with suppress(MfptError):
                status = await service.status()
                fleet.refused, fleet.failed_logins = status.refused, status.failed_logins
    fleet.ended = dict(watch.ended)
    return fleet


async def _kill(service: Service, killed: Killed) -> None:
    """Kill the broker, which its coordinator starts again; or the coordinator, which is started again at once."""
    if killed == "broker":
        service.signal_broker(signal.SIGKILL)
        return
    await service.kill()
    await service.start()


async def _count(watch: Watch, since: float) -> int:
    return sum(at > since for at in watch.accepted.values())


async def _back(service: Service, since: float) -> int:
    """Return how many devices the coordinator has heard since a time, Unix seconds."""
    with suppress(MfptError):
        known = (await service.devices()).devices
        return sum(one.online and (one.last_seen or 0.0) > since for one in known)
    return 0


async def _until(read: Callable[[], Awaitable[int]], wanted: int, limit: float, say: Say, what: str) -> float | None:
    """Return how long it took until a number was reached, seconds; None if it was not within the limit."""
    began = time.monotonic()
    while True:
        number, seconds = await read(), time.monotonic() - began
        say(f"{number} of {wanted} {what} ({seconds:.0f} s)")
        if number >= wanted:
            return seconds
        if seconds >= limit:
            return None
        await asyncio.sleep(_LOOK_SECONDS)  # the coordinator tells its operator nothing unasked


@asynccontextmanager
async def _running(folder: Path, service: Service, devices: int, watch: Watch) -> AsyncIterator[None]:
    """Run the devices, in a few processes, until the context ends; they are then killed."""
    seconds = devices / _DEVICES_A_SECOND
    places = [str(folder / f"device-{index}") for index in range(devices)]
    async with AsyncExitStack() as stack:
        for first in range(0, devices, _GROUP_DEVICES):
            folders = places[first : first + _GROUP_DEVICES]
            group = Group(
                broker=str(service.address),
                federation=FEDERATION,
                folders=folders,
                languages=[LANGUAGES[index % len(LANGUAGES)] for index in range(len(folders))],
                seconds=(0.5 * seconds, 1.5 * seconds),
                seed=first,
                is_light=True,
                spread=seconds,
            )
            process = GroupProcess(group, folder / "devices.log", watch.hear)
            stack.push_async_callback(process.kill)
            await process.start()
        yield


@asynccontextmanager
async def _sampled(service: Service, fleet: Fleet) -> AsyncIterator[None]:
    """Look at both processes now and then until the context ends, and keep the most."""

    async def sample() -> None:
        while True:
            _look(service, fleet)
            await asyncio.sleep(_LOOK_SECONDS)

    task = asyncio.create_task(sample())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _look(service: Service, fleet: Fleet) -> tuple[float, float]:
    """Return the memory of coordinator and broker, MB; 0 for one that does not run."""
    found = []
    for pid, peak in ((service.pid, fleet.coordinator), (service.broker_pid, fleet.broker)):
        used = usage(pid)
        found.append(0.0 if used is None else used.rss)
        peak.most = max(peak.most, found[-1])
    used = usage(service.broker_pid)
    fleet.descriptors = max(fleet.descriptors, 0 if used is None else used.descriptors)
    return found[0], found[1]


def _note(service: Service, fleet: Fleet, when: str) -> None:
    """Keep the memory of both processes as it is now."""
    for memory, peak in zip(_look(service, fleet), (fleet.coordinator, fleet.broker), strict=True):
        setattr(peak, when, memory)
