"""What is attacked over the network: a closed federation of a coordinator and two honest devices.

The devices are real but for their training, which adds a little to every value.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from attacks.serving import HONEST, PATIENCE_SECONDS, Serving, grown, serving
from mfpt_edge.session.channel import client_will
from mfpt_edge.session.client import EdgeClient
from mfpt_edge.session.enrol import ask, request
from mfpt_edge.session.snapshot import Snapshot
from mfpt_edge.session.trust import Trust
from mfpt_edge.storage.device_folder import DeviceFolder, Session
from mfpt_shared.errors import TimedOut
from mfpt_shared.invitation import InvitationLine
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import Admitted
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.mqtt import MqttTransport
from stub_federation.device import stub_client, taking_part
from stub_federation.trainer import StubTrainer

SWAHILI: Final = LanguageCode("swh")
# Versions that begin before an attack may end after it.
_MORE_VERSIONS: Final = 3
_ROUND_SECONDS: Final = 0.1
_STEP: Final = 1e-3


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

    async def ignored(self, reason: str, at_least: int = 0) -> int:
        """Return how many messages changed nothing, for this reason; waits for a while until there are so many."""

        async def read() -> int:
            return self.client.ignored.counts[reason]

        return await grown(read, at_least)


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
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not all(device.version >= wanted[device.id] for device in self.honest):
                    if any(device.task.done() for device in self.honest):
                        return False
                    self.changed.clear()
                    await self.changed.wait()
                return True
        return False


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
            contextlib.AsyncExitStack() as stack,
        ):
            devices = [
                await stack.enter_async_context(_honest(folder / f"device-{number}", server.line, changed))
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
    trainer = StubTrainer(_ROUND_SECONDS, _STEP)
    client = stub_client(folder, session, line.federation, transport, trainer, trust=Trust(line.key), observe=observe)
    async with taking_part(client, transport) as task:
        task.add_done_callback(lambda _: changed.set())
        yield Honest(folder, session, client, task)
