"""A coordinator and devices as they are, on a rough network in virtual time; each is killed and started again."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

from mfpt_coord.server.coordinator import Coordinator
from mfpt_edge.session.client import EdgeClient
from mfpt_shared.errors import ConnectionFailed, Incompatible
from support.ledger import Entry, Ledger, balance, entered_in
from support.mortal import Killed, Life
from support.rough_broker import RoughBroker
from support.sealing import key_of
from support.small_coordinator import serve
from support.small_device import join
from support.virtual_time import BEGINNING, VirtualLoop, live
from support.world_setting import Setting

HEALED_SECONDS: Final = 900.0
"""Longest time in which everything must be done once nothing goes wrong any more."""
LOOK_SECONDS: Final = 1.0
COORDINATOR: Final = "coordinator"
RESTART_SECONDS: Final = 3.0


class World:
    """One federation.

    Attributes:
        data: The coordinator's data folder.
        key: The coordinator's key.
        plan: The coordinator's plan.
        lives: What each process has lived through so far, the newest run last.
        done: Processes that have ended by themselves.
        clock_error: By how much the clocks of processes that start now are fast, seconds.
        disk_is_full: Whether the coordinator cannot commit anything.
        faults: Number of things that went wrong so far, beside messages.
        before_start: What to do before a process is started the next time.
        given_up: Updates that were lost with a database, because an older copy of it was restored.
        refusals: Why devices ended because they and the federation do not fit together.
    """

    def __init__(self, folder: Path, setting: Setting, loop: VirtualLoop) -> None:
        self.folder = folder
        self.setting = setting
        self.data = folder / "data"
        self.key = key_of(COORDINATOR)
        self.plan = setting.plan
        self.loop = loop
        self.rng = random.Random(setting.seed)
        self.broker = RoughBroker(loop, self.rng, setting.weather)
        self.lives: dict[str, list[Life]] = {}
        self.coordinator: Coordinator | None = None
        self.devices = {f"device{number}": language for number, language in enumerate(setting.languages)}
        self.clients: dict[str, EdgeClient] = {}
        self.done: set[str] = set()
        self.is_ending = False
        self.disk_is_full = False
        self.clock_error = 0.0
        self.faults = 0
        self.before_start: dict[str, Callable[[], None]] = {}
        self.given_up: set[Entry] = set()
        self.refusals: list[str] = []

    def journal(self, device: str) -> Path:
        """Return the file with a device's own record."""
        return self.folder / f"{device}.journal"

    async def live(self) -> None:
        """Live until every device has left and every update is folded."""
        serving = asyncio.create_task(self._restarted(COORDINATOR, lambda _, life: serve(self, life)))
        joining = [
            asyncio.create_task(self._restarted(device, lambda name, life: join(self, name, life)))
            for device in self.devices
        ]
        chaos = asyncio.create_task(self._heal())
        try:
            await self._until_all_have_left(serving, joining)
            await chaos
            await self._until_everything_is_folded()
            assert self.coordinator is not None
            self.is_ending = True
            self.coordinator.stop()
            await serving
        finally:
            for one in (serving, chaos, *joining):
                one.cancel()
            await asyncio.gather(serving, chaos, *joining, return_exceptions=True)

    async def _until_all_have_left(self, serving: "asyncio.Task[None]", joining: "list[asyncio.Task[None]]") -> None:
        ends = self.loop.time() + self.setting.heals_after + HEALED_SECONDS
        while not (self._has_folds_enough() or all(device.done() for device in joining)):
            left = ends - self.loop.time()
            assert left > 0, f"somebody stands still: {self._what_they_do()}"
            running = [task for task in (serving, *joining) if not task.done()]
            timeout = left if self.setting.folds is None else LOOK_SECONDS
            done, _ = await asyncio.wait(running, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()

    def _has_folds_enough(self) -> bool:
        folds, coordinator = self.setting.folds, self.coordinator
        return folds is not None and coordinator is not None and coordinator.state.version >= folds

    async def _heal(self) -> None:
        if self.setting.chaos is not None:
            await self.setting.chaos(self)
        await asyncio.sleep(max(0.0, self.setting.heals_after - self.age))
        self.setting.weather.clears()
        self.broker.start()

    async def _until_everything_is_folded(self) -> None:
        ends = self.loop.time() + HEALED_SECONDS
        while self.coordinator is None or self.coordinator.state.buffer:
            assert self.loop.time() < ends, "updates stay in the buffer for ever"
            await asyncio.sleep(1)

    @property
    def age(self) -> float:
        """Seconds since the world began."""
        return self.loop.time() - BEGINNING

    def _what_they_do(self) -> str:
        waiting = {name: client.snapshot for name, client in self.clients.items() if name not in self.done}
        coordinator = "no coordinator" if self.coordinator is None else self.coordinator.status()
        return f"{waiting}; {coordinator}"

    def kill(self, who: str) -> None:
        """Kill a process that runs; it is started again."""
        if self.lives.get(who) and who not in self.done:
            self.faults += 1
            self.lives[who][-1].end()

    async def until_rounds(self, device: str, count: int) -> None:
        """Wait until a device has had so many updates accepted since it was last started."""
        while device not in self.clients or self.clients[device].snapshot.rounds < count:
            await asyncio.sleep(self.rng.uniform(0, 1))

    async def until_started_again(self, who: str) -> None:
        """Wait until a process that was killed runs again."""
        while self.lives[who][-1].is_over or (who in self.clients and self.clients[who].snapshot.rounds):
            await asyncio.sleep(0.1)

    async def _restarted(self, who: str, run: Callable[[str, Life], Coroutine[Any, Any, None]]) -> None:
        """Run a process until it ends by itself, again after each time that it was killed."""
        ends = iter(next((fate.ends_at for fate in self.setting.fates if fate.who == who), ()))
        while True:
            self.before_start.pop(who, lambda: None)()
            life = Life(next(ends, None))
            self.lives.setdefault(who, []).append(life)
            process = asyncio.ensure_future(run(who, life))
            life.mourn(process.cancel)
            try:
                await process
            except (Killed, ConnectionFailed, asyncio.CancelledError):
                process.cancel()
                if not life.is_over:
                    raise  # the world ends
                if self.is_ending:
                    return
            except Incompatible as error:
                if not self.setting.is_started_again:
                    raise
                life.end()
                self.refusals.append(str(error))
            else:
                self.done.add(who)
                return
            await asyncio.sleep(self.rng.uniform(0, RESTART_SECONDS))

    def clock_of_a_run(self) -> Callable[[], float]:
        """Return a clock that is as wrong as clocks are now, and does not jump."""
        error = self.clock_error
        return lambda: self.loop.time() + error


def lived(folder: Path, setting: Setting) -> tuple[World, Ledger]:
    """Let a world live to its end; return it with its books."""
    pace = random.Random(setting.seed)
    worlds: list[World] = []

    async def life(loop: VirtualLoop) -> None:
        worlds.append(World(folder, setting, loop))
        await worlds[0].live()

    live(life, lambda: pace.uniform(0.1, 2.0))
    world = worlds[0]
    made, acknowledged = entered_in([world.journal(device) for device in world.devices])
    return world, balance(world.data, made, acknowledged, frozenset(world.given_up))
