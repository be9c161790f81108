"""Real brokers on free ports, each stopped when its context ends."""

import asyncio
import contextlib
import os
import shutil
import socket
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from mfpt_coord.access.desk import Desk, OpenHouse
from mfpt_coord.server.broker import EmbeddedBroker
from mfpt_coord.server.broker_config import BrokerOptions, Listen
from mfpt_shared.keys import digest
from mfpt_shared.protocol.frames import MAX_PAYLOAD
from mfpt_shared.transport.address import PASSWORD_VARIABLE, BrokerAddress
from support.inbox import SECONDS
from support.systems import IS_ROOT


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(password: str | None = None) -> dict[str, str]:
    """Return the environment of this process with the given broker password, or without one."""
    clean = {name: value for name, value in os.environ.items() if name != PASSWORD_VARIABLE}
    return clean if password is None else clean | {PASSWORD_VARIABLE: password}


def embedded(
    directory: Path,
    variables: Mapping[str, str] | None = None,
    port: int = 0,
    *,
    federation: str = "test",
    desk: Desk | None = None,
    max_connections: int = 65_000,
) -> EmbeddedBroker:
    """Return the embedded broker of an open federation; its `address` is the coordinator's."""
    variables = variables or environment()
    password = variables.get(PASSWORD_VARIABLE)
    desk = desk or Desk(federation, open_house=OpenHouse(digest(password) if password else None))
    return EmbeddedBroker(
        directory, Listen("127.0.0.1", port), BrokerOptions(MAX_PAYLOAD, max_connections), federation, desk, variables
    )


def find_mosquitto() -> str | None:
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin")


@contextlib.asynccontextmanager
async def mosquitto(directory: Path, *lines: str) -> AsyncIterator[BrokerAddress]:
    """Run a Mosquitto without passwords; `lines` are added to its configuration."""
    program = find_mosquitto()
    assert program is not None
    port = free_port()
    configuration = directory / "mosquitto.conf"
    if IS_ROOT:
        lines = ("user root", *lines)  # otherwise it reads no file of the test's
    settings = (f"listener {port} 127.0.0.1", "allow_anonymous true", "persistence false", *lines)
    configuration.write_text("\n".join(settings) + "\n", encoding="utf-8")
    with (directory / "mosquitto.log").open("wb") as log:
        server = await asyncio.create_subprocess_exec(program, "-c", str(configuration), stdout=log, stderr=log)
        try:
            address = BrokerAddress("127.0.0.1", port)
            await until_it_listens(address)
            yield address
        finally:
            server.kill()
            await server.wait()


async def until_it_listens(address: BrokerAddress) -> None:
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection(address.host, address.port)
            except OSError:
                await asyncio.sleep(0.02)  # nothing tells when a port opens
            else:
                writer.close()
                return
