"""A coordinator on loopback: `mfpt-coord serve` as a process, and what its operator can ask it."""

import asyncio
import contextlib
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mfpt_coord.server import control
from mfpt_coord.server.orders import Invitation, Invite, ShowStatus, Status
from mfpt_shared.errors import ConnectionFailed, MfptError, TimedOut
from mfpt_shared.invitation import InvitationLine
from mfpt_shared.plan import Aggregation, BackboneSpec, Plan, PromptSpec, Task, Training
from mfpt_shared.plan_files import plan_to_toml
from mfpt_shared.protocol.messages import FederationStatus
from mfpt_shared.transport.address import BrokerAddress

HONEST: Final = 2
PLAN: Final = Plan(
    task=Task(labels=("good", "bad")),
    backbone=BackboneSpec(uri="path:none", width=8, layers=2),
    prompt=PromptSpec(tokens=4),
    training=Training(head_start="zero"),
    aggregation=Aggregation(buffer=HONEST, start_together=0, proximity="uniform"),
)
_START_SECONDS: Final = 60.0
PATIENCE_SECONDS: Final = 15.0
_LOOK_SECONDS: Final = 0.05


async def grown(read: Callable[[], Awaitable[int]], wanted: int) -> int:
    """Read a number again and again, until it is large enough or the time is up; topics overtake each other."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (number := await read()) < wanted and time.monotonic() < deadline:
        await asyncio.sleep(_LOOK_SECONDS)
    return number


@dataclass(frozen=True, slots=True)
class Serving:
    """A coordinator that runs as a process.

    Attributes:
        data: Its data folder.
        log: File with what it says.
        line: An invitation that admits devices of any language.
    """

    data: Path
    log: Path
    line: InvitationLine

    @property
    def address(self) -> BrokerAddress:
        """Where its broker listens."""
        return self.line.addresses[0]

    def said(self) -> str:
        """Return all that it has said so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    async def invite(self, **about: Any) -> InvitationLine:
        """Return a new invitation; see `orders.Invite`."""
        return await _invited(self.data, **about)

    async def status(self) -> FederationStatus:
        """Return what the coordinator says of its federation."""
        report = await asyncio.to_thread(control.ask, self.data, ShowStatus())
        assert isinstance(report, Status)
        return report.status

    async def refused(self, reason: str, at_least: int = 0) -> int:
        """Return how many messages changed nothing, for this reason; waits for a while until there are so many."""

        async def read() -> int:
            return (await self.status()).refused.get(reason, 0)

        return await grown(read, at_least)


@contextlib.asynccontextmanager
async def serving(folder: Path, *options: str) -> AsyncIterator[Serving]:
    """Run a coordinator on a folder, from the moment it answers until the context ends.

    Raises:
        TimedOut: It does not answer.
        MfptError: It ended.
    """
    (folder / "plan.toml").write_text(plan_to_toml(PLAN), encoding="utf-8")
    data, log = folder / "data", folder / "coordinator.log"
    command = ["-m", "mfpt_coord", "serve", "--data-dir", str(data), "--plan", str(folder / "plan.toml"), *options]
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdin=asyncio.subprocess.DEVNULL, stdout=errors, stderr=errors, umask=0
        )
        try:
            yield Serving(data, log, await _first_answer(process, data, log))
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def _first_answer(process: Process, data: Path, log: Path) -> InvitationLine:
    try:
        async with asyncio.timeout(_START_SECONDS):
            while process.returncode is None:
                with contextlib.suppress(ConnectionFailed):
                    return await _invited(data, uses=10_000)
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError as error:
        raise TimedOut(f"the coordinator does not answer after {_START_SECONDS:g} s; its log is {log}") from error
    raise MfptError(f"the coordinator ended: {log.read_text(encoding='utf-8', errors='replace').strip()}")


async def _invited(data: Path, **about: Any) -> InvitationLine:
    report = await asyncio.to_thread(control.ask, data, Invite(**about))
    assert isinstance(report, Invitation), report
    return InvitationLine.parse(report.line)
