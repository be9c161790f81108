"""What is attacked over the network: `mfpt-coord serve` as a process, closed, and two honest devices in this one.

The devices are real but for their training, which adds a little to every value.
"""

import asyncio
import contextlib
import sys
import tempfile
import threading
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from mfpt_coord.server import control
from mfpt_coord.server.orders import Invitation, Invite, ShowStatus, Status
from mfpt_edge.session.channel import client_will
from mfpt_edge.session.client import EdgeClient
from mfpt_edge.session.enrol import ask, request
from mfpt_edge.session.snapshot import Snapshot
from mfpt_edge.session.trust import Trust
from mfpt_edge.storage.device_folder import DeviceFolder, Session
from mfpt_shared.device.trainer import Measured, OnProgress, Tuned
from mfpt_shared.errors import ConnectionFailed, MfptError, TimedOut
from mfpt_shared.invitation import InvitationLine
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Aggregation, BackboneSpec, Plan, PromptSpec, Task, Training
from mfpt_shared.plan_files import plan_to_toml
from mfpt_shared.protocol.messages import Admitted, FederationStatus
from mfpt_shared.tensors import PromptState
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.mqtt import MqttTransport

SWAHILI: Final = LanguageCode("swh")
HONEST: Final = 2
PLAN: Final = Plan(
    task=Task(labels=("good", "bad")),
    backbone=BackboneSpec(uri="path:none", width=8, layers=2),
    prompt=PromptSpec(tokens=4),
    training=Training(head_start="zero"),
    aggregation=Aggregation(buffer=HONEST, proximity="uniform"),
)
# Versions that begin before an attack may end after it.
_MORE_VERSIONS: Final = 3
_START_SECONDS: Final = 60.0
_PATIENCE_SECONDS: Final = 15.0
_ROUND_SECONDS: Final = 0.1
_LOOK_SECONDS: Final = 0.05


class QuickTrainer:
    """A trainer that needs no backbone. See mfpt_shared.device.trainer.Trainer."""

    examples = 10
    fingerprint = ""
    device = "an honest one"

    def __init__(self) -> None:
        """Prepare."""
        self._never = threading.Event()

    def tune(self, start: PromptState, *, epochs: int, seed: int, on_progress: OnProgress) -> Tuned:
        """See Trainer.tune."""
        self._never.wait(_ROUND_SECONDS)
        on_progress(1.0, 1.0)
        return Tuned({name: array + array.dtype.type(1e-3) for name, array in start.items()}, 1.0, epochs=1)

    def validate(self, state: PromptState) -> Measured:
        """See Trainer.validate."""
        return Measured(0.5, 1.0, 4)

    def test(self, state: PromptState) -> Measured:
        """See Trainer.test."""
        return self.validate(state)


@dataclass(frozen=True, slots=True)
class Honest:
    """A device that takes part as it should."""

    folder: DeviceFolder
    session: Session
    client: EdgeClient
    task: "asyncio.Task[None]"

    @property
    def id(self) -> str:
        """Id of the device."""
        return self.session.identity.client

    @property
    def version(self) -> int:
        """Newest version that it has received."""
        return self.client.snapshot.version or 0

    def ignored(self, reason: str) -> int:
        """Return how many messages changed nothing, for this reason."""
        return self.client.ignored.counts[reason]


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

    async def refused(self, reason: str) -> int:
        """Return how many messages changed nothing, for this reason."""
        return (await self.status()).refused.get(reason, 0)


@dataclass(frozen=True, slots=True)
class Target(Serving):
    """A federation at work.

    Attributes:
        honest: Its devices.
    """

    honest: tuple[Honest, ...] = ()
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def makes_versions(self) -> bool:
        """Tell whether new versions go on reaching every honest device."""
        wanted = {device.id: device.version + _MORE_VERSIONS for device in self.honest}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while not all(device.version >= wanted[device.id] for device in self.honest):
                    if any(device.task.done() for device in self.honest):
                        return False
                    self.changed.clear()
                    await self.changed.wait()
                return True
        return False


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


async def enrolled(line: InvitationLine, session: Session) -> Admitted:
    """Be admitted with an invitation, as `mfpt-edge join` is.

    Raises:
        MfptError: The device is not admitted.
    """
    login = replace(line.addresses[0], username=line.user, password=line.secret)
    transport = MqttTransport(login, f"enrols-{session.identity.client}")
    await transport.connect()
    try:
        return await ask(transport, request(line, session, session.identity.client))
    finally:
        await transport.close()


def account(address: BrokerAddress, session: Session) -> BrokerAddress:
    """Return the address at which a device logs in."""
    return replace(address, username=session.identity.client, password=session.password)


@contextlib.asynccontextmanager
async def target() -> AsyncIterator[Target]:
    """Run a closed federation with its honest devices until the context ends."""
    with tempfile.TemporaryDirectory(prefix="mfpt-attack-") as place:
        folder, changed = Path(place), asyncio.Event()
        async with (
            serving(folder, "--closed", "--listen", "127.0.0.1:0") as server,
            contextlib.AsyncExitStack() as all_,
        ):
            devices = [
                await all_.enter_async_context(_honest(folder / f"device-{number}", server.line, changed))
                for number in range(HONEST)
            ]
            found = Target(server.data, server.log, server.line, tuple(devices), changed)
            if not await found.makes_versions():
                raise TimedOut(f"the federation makes no versions, before any attack; its log: {server.said()}")
            yield found


@contextlib.asynccontextmanager
async def _honest(path: Path, line: InvitationLine, changed: asyncio.Event) -> AsyncIterator[Honest]:
    folder = DeviceFolder(path)
    session = folder.begin_session(folder.enrol(SWAHILI))
    await enrolled(line, session)

    def observe(_: Snapshot) -> None:
        changed.set()

    transport = MqttTransport(
        account(line.addresses[0], session), session.mqtt_client, will=client_will(line.federation, session)
    )
    client = EdgeClient(
        folder,
        session,
        line.federation,
        transport,
        trust=Trust(line.key),
        prepare=lambda _: QuickTrainer(),
        clock=time.time,
        observe=observe,
    )
    await transport.connect()
    task = asyncio.create_task(client.run())
    task.add_done_callback(lambda _: changed.set())
    try:
        yield Honest(folder, session, client, task)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        client.close()
