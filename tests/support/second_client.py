"""The client of `conformance` in a process that can import paho and the standard library, and nothing else."""

import asyncio
import contextlib
import importlib.util
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import conformance.client
from mfpt_shared.transport.address import BrokerAddress
from support.inbox import SECONDS

_RUN_MODULE: Final = """
import runpy, sys
sys.path.append(sys.argv.pop(1))
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""


def isolated(libraries: Path) -> list[str]:
    """Return a command that runs a module with only paho, `conformance` and the standard library on its path.

    Args:
        libraries: an empty folder, which gets links to the two. `-I` ignores the environment, `-S` the installed
            packages.
    """
    paho = importlib.util.find_spec("paho")
    assert paho is not None and paho.submodule_search_locations is not None
    (libraries / "paho").symlink_to(paho.submodule_search_locations[0])
    (libraries / "conformance").symlink_to(Path(conformance.client.__file__).parent)
    return [sys.executable, "-I", "-S", "-c", _RUN_MODULE, str(libraries)]


class SecondClient:
    """A running client, and what it reported so far."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.reports: list[dict[str, Any]] = []

    def reported(self, event: str) -> list[dict[str, Any]]:
        return [report for report in self.reports if report["event"] == event]

    async def until(self, event: str) -> dict[str, Any]:
        """Read reports until the next one of an event."""
        async with asyncio.timeout(SECONDS):
            while True:
                report = await self._next()
                if report["event"] == event:
                    return report

    async def until_it_leaves(self) -> None:
        """Read all reports, and check that the last says that the client had finished."""
        async with asyncio.timeout(SECONDS):
            with contextlib.suppress(EOFError):
                while True:
                    await self._next()
            code = await self.process.wait()
        assert code == 0, self.reports
        assert [report["why"] for report in self.reported("goodbye")] == ["finished"], self.reports

    async def _next(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        if not line:
            raise EOFError(f"the client has ended; it reported {self.reports}")
        self.reports.append(json.loads(line))
        return self.reports[-1]


@contextlib.asynccontextmanager
async def second_client(
    libraries: Path, address: BrokerAddress, language: str, folder: Path, *, rounds: int
) -> AsyncIterator[SecondClient]:
    """Run the client in the federation `test`, for as long as the context lasts at most."""
    libraries.mkdir()
    arguments = (address.host, str(address.port), "test", language, str(folder), str(rounds))
    command = (*isolated(libraries), "conformance.client", *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    try:
        yield SecondClient(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
