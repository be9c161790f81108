"""Logins that nobody hears: the server takes connections before the service for logins is there."""

import asyncio
import contextlib
import json
import shutil
import sysconfig
from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client

from mfpt_coord.access.desk import Desk
from mfpt_coord.access.nats_auth import NatsAccounts, ServerLogins
from mfpt_coord.access.nats_connections import logins
from mfpt_coord.server.broker_config import BrokerOptions, Listen, configuration
from mfpt_shared.errors import ConnectionFailed, TimedOut
from mfpt_shared.keys import SigningKey
from mfpt_shared.protocol.frames import MAX_PAYLOAD
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.base import Disconnected
from support.adversary import ANN, connect, enter
from support.brokers import free_port

pytestmark = pytest.mark.network
LOGINS = ServerLogins("service", "system", "coordinator", SigningKey.generate())


class Server:
    """A server that asks a service which is not there yet."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, native: str) -> None:
        self.process = process
        self.mqtt = BrokerAddress("127.0.0.1", port)
        self.native = native

    async def system(self) -> Client:
        return await nats.connect(self.native, user="sys", password=LOGINS.system, allow_reconnect=False)

    @contextlib.asynccontextmanager
    async def service(self) -> AsyncIterator[NatsAccounts]:
        accounts = NatsAccounts(Desk("test", [ANN.account]), LOGINS)
        try:
            await accounts.start(self.native)
            yield accounts
        finally:
            await accounts.stop()


@contextlib.asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Server]:
    program, port = shutil.which("nats-server", path=sysconfig.get_path("scripts")), free_port()
    assert program is not None
    text = configuration(folder, Listen("127.0.0.1", port), BrokerOptions(MAX_PAYLOAD), "test", LOGINS)
    (folder / "nats.conf").write_text(text, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(program, "-c", str(folder / "nats.conf"))
    try:
        async with asyncio.timeout(20):
            while not (ports := [file for file in folder.glob("*.ports") if file.read_bytes().endswith(b"}")]):
                await asyncio.sleep(0.01)  # there is no event for a file that appears
        yield Server(process, port, json.loads(ports[0].read_bytes())["nats"][0])
    finally:
        process.kill()
        await process.wait()


async def until_asked(server: Server) -> None:
    """Wait until somebody has said who he is."""
    system = await server.system()
    async with asyncio.timeout(20):
        while not await logins(system):
            await asyncio.sleep(0.01)  # the server tells the service alone
    await system.close()


def test_a_login_before_the_service_is_there_is_cut_and_not_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as server:
            early = asyncio.create_task(enter(server.mqtt, ANN))
            await until_asked(server)
            async with server.service():
                with pytest.raises(ConnectionFailed):
                    await early
                ann, _ = await enter(server.mqtt, ANN)
                await ann.close()

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_those_who_are_in_are_not_cut_when_the_service_connects_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as server, server.service() as accounts:
            coordinator, inbox = await connect(server.mqtt, "coord", LOGINS.coordinator, "coordinator")
            await accounts.start(server.native)
            coordinator.subscribe("mfpt/v1/test/t")
            coordinator.publish("mfpt/v1/test/t", b"still here")
            await inbox.until_message("mfpt/v1/test/t", b"still here")
            assert not any(isinstance(event, Disconnected) for event in inbox.events)
            await coordinator.close()

    asyncio.run(asyncio.wait_for(scenario(), 30))


@pytest.mark.slow
def test_a_login_that_nobody_answers_is_not_taken_for_a_refusal(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as server:
            with pytest.raises(TimedOut):
                await enter(server.mqtt, ANN)

    asyncio.run(asyncio.wait_for(scenario(), 60))
