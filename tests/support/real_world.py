"""A coordinator, its broker and devices as processes, which are killed, cut off and restored from copies."""

import asyncio
import contextlib
import random
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_shared.errors import MfptError
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.status import FederationStatus
from stub_federation.group import GroupProcess
from stub_federation.reports import Acknowledged, AnyReport, Ended, Group
from stub_federation.service import Service
from support.copies import copied_database, restored_database, restored_folder
from support.ledger import Books, Entry, balance
from support.proxy import Proxy

LOOK_SECONDS: Final = 0.2


class RealWorld:
    """One federation.

    Attributes:
        service: The coordinator.
        acknowledged: What devices were told to be accepted.
        ended: Why devices ended by themselves.
        faults: Number of faults so far.
        given_up: Updates that were lost with a database, because an older copy of it was restored.
    """

    def __init__(
        self,
        folder: Path,
        plan: Plan,
        languages: tuple[str, ...],
        *,
        seed: int = 0,
        disturbed: float = 0.0,
        crew: int = 1,
        seconds: tuple[float, float] = (0.05, 0.3),
        disk: Path | None = None,
    ) -> None:
        """Prepare; nothing runs yet.

        Args:
            folder: Folder for everything.
            plan: Plan of the federation.
            languages: Language of the devices of each process.
            seed: What faults are drawn from.
            disturbed: Share of the messages that are doubled, late or overtaken.
            crew: Devices in one process.
            seconds: Shortest and longest time of a training.
            disk: Folder for everything of the coordinator and its broker; None: the same.
        """
        self.folder = folder
        self.service = Service(disk or folder, plan, keep="forever")
        self.rng = random.Random(seed)
        self.proxy = Proxy(self.service.address)
        self.acknowledged: set[Entry] = set()
        self.ended: list[Ended] = []
        self.faults = 0
        self.given_up: set[Entry] = set()
        self._languages = languages
        self._disturbed = disturbed
        self._crew = crew
        self._seconds = seconds
        self.devices: list[GroupProcess] = []
        self._copies = 0

    @contextlib.asynccontextmanager
    async def living(self) -> AsyncIterator[None]:
        """Run everything until the context ends."""
        async with self.proxy:
            try:
                await self.service.start()
                for number, language in enumerate(self._languages):
                    self.devices.append(self._device(number, language))
                    await self.devices[-1].start()
                yield
            finally:
                await asyncio.gather(*(device.kill() for device in self.devices))
                await self.service.stop()

    def _device(self, number: int, language: str) -> GroupProcess:
        group = Group(
            broker=str(self.proxy.address),
            federation="test",
            folders=[str(self.folder / f"device{number}-{index}") for index in range(self._crew)],
            languages=[language] * self._crew,
            seconds=self._seconds,
            seed=number,
            disturbed=self._disturbed,
            is_light=self._crew > 1,
        )
        return GroupProcess(group, self.folder / f"device{number}.log", self._hear)

    def _hear(self, report: AnyReport) -> None:
        match report:
            case Acknowledged(device=device, sequence=sequence, sha256=digest) if digest:
                self.acknowledged.add((device, sequence, digest))
            case Ended():
                self.ended.append(report)
            case _:
                pass

    async def kill_the_coordinator(self) -> None:
        """Kill the coordinator, and start it again."""
        self.faults += 1
        await self.service.kill()
        await self.service.start()

    async def kill_the_broker(self) -> None:
        """Kill the broker; the coordinator starts it again."""
        self.faults += self.service.signal_broker(signal.SIGKILL)

    async def kill_a_device(self) -> None:
        """Kill a device, and start it again."""
        self.faults += 1
        device = self.rng.choice(self.devices)
        await device.kill()
        await device.start()

    async def cut_all_connections(self) -> None:
        """Cut the devices' connections, and mend them a moment later."""
        self.faults += 1
        self.proxy.cut()
        await asyncio.sleep(self.rng.uniform(0, 3))
        await self.proxy.mend()

    async def restore_a_device(self, after: float) -> None:
        """Copy a device's folder between two of its runs, and restore it some seconds later."""
        self.faults += 1
        device, copy = self.rng.choice(self.devices), self._new_copy()
        folder = Path(device.group.folders[0])
        await device.kill()
        shutil.copytree(folder, copy)
        await device.start()
        await asyncio.sleep(after)
        await device.kill()
        restored_folder(copy, folder)
        await device.start()

    async def restore_the_coordinator(self, after: float) -> None:
        """Copy the coordinator's database while it runs, and restore it some seconds later."""
        self.faults += 1
        copy = self._new_copy()
        copied_database(self.service.data, copy)
        await asyncio.sleep(after)
        await self.service.kill()
        self.given_up |= restored_database(copy, self.service.data)
        await self.service.start()

    def _new_copy(self) -> Path:
        self._copies += 1
        return self.folder / f"copy{self._copies}"

    async def until(self, condition: Callable[[FederationStatus], bool], seconds: float, what: str) -> None:
        """Wait until the coordinator's status fulfils a condition."""
        ends, status = time.monotonic() + seconds, None
        while time.monotonic() < ends:
            with contextlib.suppress(MfptError):
                status = await self.service.status()
                if condition(status):
                    return
            await asyncio.sleep(LOOK_SECONDS)
        raise AssertionError(f"{what}: not within {seconds:g} s; {status}; {self.ended}; {self.service.last_words()}")

    async def until_all_took_part_again(self, seconds: float) -> None:
        """Wait until every device is told of an update that is newer than all until now."""
        before, ends = self.acknowledged.copy(), time.monotonic() + seconds
        while standing := self._clients() - {client for client, _, _ in self.acknowledged - before}:
            assert time.monotonic() < ends, (
                f"{len(standing)} stand still: {standing}; {self.ended}; {self.service.last_words()}"
            )
            await asyncio.sleep(LOOK_SECONDS)

    def _clients(self) -> set[str]:
        folders = [folder for device in self.devices for folder in device.group.folders]
        identities = [DeviceFolder(Path(folder)).identity() for folder in folders]
        return {identity.client if identity else "a device that never began" for identity in identities}

    async def close_the_books(self, seconds: float = 90) -> Books:
        """Let all devices leave, wait until everything is folded, and return the books."""
        await asyncio.gather(*(device.leave() for device in self.devices))
        await self.until(lambda status: status.buffer == 0, seconds, "everything is folded")
        await self.service.stop()
        ledger = balance(self.service.data, None, frozenset(self.acknowledged), frozenset(self.given_up))
        return Books(self.faults, ledger)
