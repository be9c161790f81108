"""Brokers of either kind with the same accounts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mfpt_coord.access.accounts import COORDINATOR_USER, Credentials
from mfpt_coord.access.desk import Desk
from mfpt_coord.access.mosquitto import MosquittoFiles, configuration
from mfpt_shared.errors import AuthenticationFailed
from mfpt_shared.protocol.frames import MAX_PAYLOAD
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.mqtt import MqttTransport
from support.adversary import EVERYBODY, Owner, connect, enter
from support.brokers import embedded, find_mosquitto, free_port, until_it_listens
from support.inbox import Inbox
from support.systems import IS_ROOT

COORDINATOR_CLIENT: Final = "client-of-the-coordinator"
_PASSWORD: Final = "password-of-the-coordinator"


@dataclass(frozen=True)
class Guarded:
    """A broker that runs with the accounts of EVERYBODY.

    Attributes:
        address: Where it listens, without a user.
        accounts: Its accounts.
        coordinator_password: Password of the coordinator.
        refuses_client_ids: Whether whoever comes with the client id of another is refused; or else he gets his own.
    """

    address: BrokerAddress
    accounts: Credentials
    coordinator_password: str
    refuses_client_ids: bool

    @property
    def coordinator_client(self) -> str:
        return COORDINATOR_CLIENT

    async def coordinator(self) -> tuple[MqttTransport, Inbox]:
        return await connect(self.address, COORDINATOR_USER, self.coordinator_password, COORDINATOR_CLIENT)

    async def try_client_id(self, thief: Owner, client: str) -> None:
        """Log in with an account of one's own under the client id of somebody else."""
        try:
            transport, _ = await enter(self.address, thief, client)
        except AuthenticationFailed:
            assert self.refuses_client_ids
        else:
            assert not self.refuses_client_ids
            await transport.close()


@contextlib.asynccontextmanager
async def guarded(kind: str, folder: Path, federation: str) -> AsyncIterator[Guarded]:
    """Run the embedded broker or Mosquitto."""
    if kind == "mosquitto":
        async with _mosquitto(folder, federation) as broker:
            yield broker
        return
    desk = Desk(federation, [owner.account for owner in EVERYBODY], coordinator=COORDINATOR_CLIENT)
    async with embedded(folder, federation=federation, desk=desk) as server:
        password = server.address.password or ""
        yield Guarded(server.public_address, server.accounts, password, refuses_client_ids=True)


@contextlib.asynccontextmanager
async def _mosquitto(folder: Path, federation: str) -> AsyncIterator[Guarded]:
    program = find_mosquitto()
    assert program is not None
    files = MosquittoFiles(folder, federation, folder / "mosquitto.pid")
    files.allow_coordinator(_PASSWORD)
    for owner in EVERYBODY:
        files.allow(owner.account, owner.password)
    address = BrokerAddress("127.0.0.1", free_port())
    # Started by root, it would become another user, who cannot read the files.
    user = "user root\n" if IS_ROOT else ""
    text = configuration(folder, address.port, address.host, MAX_PAYLOAD)
    (folder / "mosquitto.conf").write_text(user + text, encoding="utf-8")
    with (folder / "mosquitto.log").open("wb") as log:
        server = await asyncio.create_subprocess_exec(
            program, "-c", str(folder / "mosquitto.conf"), stdout=log, stderr=log
        )
        try:
            await until_it_listens(address)
            yield Guarded(address, files, _PASSWORD, refuses_client_ids=False)
        finally:
            server.kill()
            await server.wait()
