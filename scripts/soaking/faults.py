"""What goes wrong: each fault is done, lasts for a while, and is mended as far as anybody would."""

import asyncio
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, NamedTuple

from mfpt_shared.errors import MfptError
from soaking.field import Field
from stub_federation.group import GroupProcess
from stub_federation.service import Service

_PAUSE_SECONDS: Final = (0.0, 3.0)
_SILENCE_SECONDS: Final = (2.0, 8.0)
_CLOCK_SECONDS: Final = 3600.0
_LINK_SECONDS: Final = (2.0, 20.0)


class Fault(NamedTuple):
    """A kind of fault: how often it is chosen beside others, and what it does and returns the name of."""

    weight: float
    do: Callable[[Field], Awaitable[str]]


async def kill_broker(field: Field) -> str:
    """The coordinator starts it again by itself."""
    async with field.lock:
        field.service.signal_broker(signal.SIGKILL)
    return "broker killed"


async def stop_broker(field: Field) -> str:
    """It hangs for some seconds."""
    async with field.lock:
        pid = field.service.broker_pid
        field.service.signal_broker(signal.SIGSTOP)
        await _pause(field, _SILENCE_SECONDS)
        if field.service.broker_pid == pid:
            field.service.signal_broker(signal.SIGCONT)
    return "broker stopped for 2 to 8 s"


async def kill_coordinator(field: Field) -> str:
    """It is started again, as a service would be; its broker ends with it."""
    await _killed(field, field.lock, field.service)
    return "coordinator killed"


async def _killed(field: Field, lock: asyncio.Lock, victim: Service | GroupProcess) -> None:
    async with lock:
        await victim.kill()
        await _pause(field)
        await victim.start()


async def kill_devices(field: Field) -> str:
    """All devices of a process die at once, and are started again."""
    cell = field.chance.choice(field.cells)
    await _killed(field, cell.lock, cell.process)
    return "process of devices killed"


async def restore_device(field: Field) -> str:
    """A device goes on from an older copy of its folder; where there is none yet, it is made."""
    cell = field.chance.choice(field.cells)
    async with cell.lock:
        await cell.process.kill()
        copies = {folder: field.folder / "copies" / folder.name for folder in cell.folders}
        folder = field.chance.choice([folder for folder, copy in copies.items() if copy.exists()] or cell.folders)
        done = await asyncio.to_thread(_put_back, folder, copies[folder])
        await cell.process.start()
    return done


def _put_back(folder: Path, copy: Path) -> str:
    if copy.exists():
        shutil.rmtree(folder)
        shutil.move(copy, folder)
        return "device restored from an older copy"
    if folder.exists():
        shutil.copytree(folder, copy)
    return "process of devices killed"


async def cut_connections(field: Field) -> str:
    """Connections are reset, and refused for a moment."""
    cell = field.chance.choice(field.cells)
    async with cell.lock:
        cell.relay.cut()
        await _pause(field)
        await cell.relay.mend()
    return "connections cut"


async def hold_connections(field: Field) -> str:
    """Connections stay open, and nothing gets through."""
    cell = field.chance.choice(field.cells)
    async with cell.lock:
        cell.relay.hold()
        await _pause(field, _LINK_SECONDS)
        await cell.relay.mend()
    return "connections silent for 2 to 20 s"


async def set_clock(field: Field) -> str:
    """The coordinator's clock jumps."""
    async with field.lock:
        field.clock.write_text(f"{field.chance.uniform(-_CLOCK_SECONDS, _CLOCK_SECONDS):.1f}", encoding="ascii")
        field.service.signal_coordinator(signal.SIGUSR1)
    return "clock set by up to an hour"


async def back_up(field: Field) -> str:
    """The operator makes a backup, and looks whether it is sound.

    Raises:
        MfptError: The copy cannot be made, or is not sound.
    """
    copy = field.folder / "copy.backup"
    async with field.lock:
        await _command("db", "backup", str(copy), "--data-dir", str(field.service.data))
        await _command("db", "check", str(copy))
    return "backup taken"


async def _command(*arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mfpt_coord", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    if process.returncode:
        last = said.decode(errors="replace").strip().splitlines()[-1:]
        raise MfptError(f"mfpt-coord {arguments[0]} {arguments[1]} failed: {''.join(last)}")


async def _pause(field: Field, seconds: tuple[float, float] = _PAUSE_SECONDS) -> None:
    await asyncio.sleep(field.chance.uniform(*seconds))


FAULTS: Final = (
    Fault(5.0, cut_connections),
    Fault(3.0, hold_connections),
    Fault(3.0, kill_devices),
    Fault(3.0, restore_device),
    Fault(0.7, kill_broker),
    Fault(0.7, stop_broker),
    Fault(0.5, kill_coordinator),
    Fault(0.5, set_clock),
    Fault(0.5, back_up),
)
"""Faults of devices are chosen more often than those of the coordinator, whose memory is of interest in long lives."""


def choose(field: Field) -> Fault:
    """Return the next fault."""
    weights = [fault.weight for fault in FAULTS]
    return field.chance.choices(FAULTS, weights)[0]
