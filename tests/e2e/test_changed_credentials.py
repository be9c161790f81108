"""The broker's password is changed while a device runs: it is refused for a while, and then it ends and says why."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from mfpt_edge.session.channel import client_will
from mfpt_edge.session.client import EdgeClient
from mfpt_edge.session.trust import Trust
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_shared.clock import SteadyClock
from mfpt_shared.errors import AuthenticationFailed
from mfpt_shared.languages import LanguageCode
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.mqtt import MqttTransport
from support.accounts import guarded
from support.adversary import EVERYBODY
from support.brokers import embedded, environment
from support.nats import Nats, nats
from support.stub import StubTrainer

pytestmark = [pytest.mark.network, pytest.mark.slow]
OWNER: Final = EVERYBODY[0]
Change = Callable[[], Awaitable[None]]


@asynccontextmanager
async def nats_server(folder: Path) -> AsyncIterator[tuple[BrokerAddress, Change]]:
    """An operator's own nats-server, which reads its users again."""
    users = f'authorization {{ users = [ {{ user: "{OWNER.account.user}", password: "{OWNER.password}" }} ] }}'
    async with nats(folder, Nats(users=users)) as server:

        async def change() -> None:
            text = server.configuration.read_text(encoding="utf-8").replace(OWNER.password, "another")
            server.configuration.write_text(text, encoding="utf-8")
            server.process.send_signal(signal.SIGHUP)

        yield server.tcp, change


@asynccontextmanager
async def mosquitto(folder: Path) -> AsyncIterator[tuple[BrokerAddress, Change]]:
    """Mosquitto, which reads its password file again."""
    async with guarded("mosquitto", folder, "test") as broker:

        async def change() -> None:
            broker.accounts.withdraw(OWNER.account.user)
            broker.accounts.allow(OWNER.account, "another")

        yield broker.address, change


@asynccontextmanager
async def open_federation(folder: Path) -> AsyncIterator[tuple[BrokerAddress, Change]]:
    """The embedded broker, started again with another common password."""
    async with AsyncExitStack() as later:
        first = embedded(folder, environment(OWNER.password))
        await first.__aenter__()

        async def change() -> None:
            await first.__aexit__(None, None, None)
            await later.enter_async_context(embedded(folder, environment("another"), first.address.port))

        yield first.public_address, change


@pytest.mark.parametrize("broker", [nats_server, mosquitto, open_federation])
def test_a_device_whose_password_was_changed_ends_with_a_line_that_says_so(
    broker: Callable[[Path], AbstractAsyncContextManager[tuple[BrokerAddress, Change]]], tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with broker(tmp_path) as (address, change):
            folder = DeviceFolder(tmp_path / "device")
            session = folder.begin_session(folder.enrol(LanguageCode("swh")))
            login = replace(address, username=OWNER.account.user, password=OWNER.password)
            transport = MqttTransport(login, session.mqtt_client, will=client_will("test", session))
            client = EdgeClient(
                folder,
                session,
                "test",
                transport,
                trust=Trust(),
                prepare=lambda _: StubTrainer(),
                clock=SteadyClock(),
            )
            await transport.connect()
            running = asyncio.create_task(client.run())
            await change()
            with pytest.raises(AuthenticationFailed, match="was its password changed"):
                await running
            client.close()

    asyncio.run(asyncio.wait_for(scenario(), 60))
