"""The client of `conformance.v2` in a process that can import paho, `cryptography` and the standard library alone."""

import asyncio
import base64
import contextlib
import importlib.util
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import conformance.v2.client
from mfpt_shared.keys import SigningKey
from mfpt_shared.transport.address import BrokerAddress
from support.inbox import SECONDS

_RUN_MODULE: Final = """
import runpy, sys
sys.path.append(sys.argv.pop(1))
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""


TOKEN: Final = "AAECAwQFBgc"
SECRET: Final = "AAECAwQFBgcICQoLDA0ODw"
"""Id and secret of the invitations of these tests."""

_LIBRARIES: Final = ("paho", "cryptography", "_cffi_backend")
"""What the client needs; the last one is a part of `cryptography`."""


def isolated(libraries: Path) -> list[str]:
    """Return a command that runs a module with only the client, its libraries and the standard library on its path.

    Args:
        libraries: an empty folder, which gets links to them. `-I` ignores the environment, `-S` the installed packages.
    """
    for name in _LIBRARIES:
        found = importlib.util.find_spec(name)
        assert found is not None and found.origin is not None
        origin = Path(found.origin)
        source = origin.parent if found.submodule_search_locations else origin
        (libraries / source.name).symlink_to(source)
    (libraries / "conformance").mkdir()
    (libraries / "conformance" / "v2").symlink_to(Path(conformance.v2.client.__file__).parent)
    return [sys.executable, "-I", "-S", "-c", _RUN_MODULE, str(libraries)]


def invitation(address: BrokerAddress, coordinator: SigningKey) -> str:
    """Return the line that invites to the federation `test`, as docs/protocol.md writes it."""
    key = base64.urlsafe_b64encode(coordinator.public).decode().rstrip("=")
    return f"mfpt://{address.host}:{address.port}/test?via={address.scheme}#{TOKEN}.{SECRET}.{key}"


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
        try:
            async with asyncio.timeout(SECONDS):
                with contextlib.suppress(EOFError):
                    while True:
                        await self._next()
                code = await self.process.wait()
        except TimeoutError:
            raise AssertionError(f"it has not left within {SECONDS:g} s; it reported {self.reports}") from None
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
    libraries: Path, where: BrokerAddress | str, language: str, folder: Path, *, rounds: int
) -> AsyncIterator[SecondClient]:
    """Run the client for as long as the context lasts at most.

    Args:
        libraries: folder to be made, for what the client may import.
        where: broker of the open federation `test`, or an invitation.
        language: language of the client's examples.
        folder: the client's folder.
        rounds: number of updates that it is to bring in.
    """
    libraries.mkdir()
    address = where if isinstance(where, str) else f"{where}/test"
    command = (*isolated(libraries), "conformance.v2.client", address, language, str(folder), str(rounds))
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    try:
        yield SecondClient(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
