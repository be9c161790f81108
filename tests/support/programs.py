"""The command lines, run as people run them: in processes of their own."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

from mfpt_shared.transport.address import PASSWORD_VARIABLE, BrokerAddress
from support.inbox import SECONDS

_LISTENING: Final = re.compile(r"listening: (?:mfpt-edge join --broker )?(mqtts?)://([^:]+):(\d+)")


def variables(home: Path) -> dict[str, str]:
    """Return an environment in which programs read and write nothing outside a folder."""
    clean = {name: value for name, value in os.environ.items() if name != PASSWORD_VARIABLE}
    offline = {"HF_HUB_OFFLINE": "1", "NO_COLOR": "1", "COLUMNS": "100"}
    kept = {"XDG_STATE_HOME": str(home), "MFPT_CACHE": str(home / "cache")}
    return clean | offline | kept | {"PYTHONUNBUFFERED": "1"}


def run(
    home: Path, *command: str, seconds: float = 60, extra: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run `python -m` with a command, and wait until it ends."""
    return subprocess.run(
        [sys.executable, "-m", *command],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=seconds,
        check=False,
        stdin=subprocess.DEVNULL,
        env=variables(home) | dict(extra or {}),
    )


def messages(result: "subprocess.CompletedProcess[str]") -> list[str]:
    """Return the lines that a command wrote for people."""
    return result.stderr.strip().splitlines()


class Serving:
    """A coordinator's process."""

    def __init__(self, process: Process, address: BrokerAddress, log: list[str]) -> None:
        self.process = process
        self.address = address
        self.log = log

    async def end(self, number: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), SECONDS)


@contextlib.asynccontextmanager
async def serve(
    home: Path,
    data_dir: Path,
    *options: str,
    host: str = "127.0.0.1",
    port: int = 0,
    extra: Mapping[str, str] | None = None,
    patience: float = SECONDS,
) -> AsyncIterator[Serving]:
    """Run `mfpt-coord serve` with its own broker, from the moment it listens until the context ends.

    It listens within `patience` seconds; one that stands by needs more.
    """
    listen = f"{host}:{port}"
    command = ("-m", "mfpt_coord", "serve", "--data-dir", str(data_dir), "--listen", listen, *options)
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdin=subprocess.DEVNULL, stderr=PIPE, env=variables(home) | dict(extra or {})
    )
    log: list[str] = []
    reading = None
    try:
        address = await asyncio.wait_for(_address(process, log), patience)
        reading = asyncio.create_task(_read(process, log))
        yield Serving(process, address, log)
    finally:
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.wait(), SECONDS)
        if reading is not None:
            await asyncio.wait_for(reading, SECONDS)


async def _address(process: Process, log: list[str]) -> BrokerAddress:
    assert process.stderr is not None
    async for line in process.stderr:
        log.append(line.decode())
        if found := _LISTENING.search(log[-1]):
            return BrokerAddress(found[2], int(found[3]), "mqtts" if found[1] == "mqtts" else "mqtt")
    raise AssertionError(f"exit {await process.wait()}: {''.join(log)}")


async def _read(process: Process, log: list[str]) -> None:
    # Reading also keeps the pipe from filling up, which would block the process.
    assert process.stderr is not None
    async for line in process.stderr:
        log.append(line.decode())
