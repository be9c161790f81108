"""The embedded broker is killed again and again, while devices come back and others join for the first time."""

import asyncio
import logging
import os
import signal
from pathlib import Path
from typing import Final

import pytest

from mfpt_shared.transport.address import BrokerAddress
from support.brokers import embedded
from support.federation import Device, coordinating, running, tiny_plan
from support.stub import StubTrainer

pytestmark = [pytest.mark.network, pytest.mark.slow]

KILLS: Final = 10
RESIDENTS: Final = 5
SECONDS: Final = 60.0


async def is_open(address: BrokerAddress) -> bool:
    try:
        _, writer = await asyncio.open_connection(address.host, address.port)
    except OSError:
        return False
    writer.close()
    return True


async def until_it_is_back(folder: Path, address: BrokerAddress) -> None:
    """Kill the broker, and wait until its port is open again: then it cannot yet ask who may log in."""
    os.kill(int((folder / "nats.pid").read_text(encoding="ascii")), signal.SIGKILL)
    for wanted in (False, True):
        while await is_open(address) != wanted:
            await asyncio.sleep(0.001)  # nothing tells when a port closes or opens


async def until_it_goes_on(device: Device, rounds: int) -> None:
    await device.until(lambda seen: seen.rounds > rounds, SECONDS)


def test_nobody_is_refused_by_a_broker_that_has_just_been_started(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    folder = tmp_path / "broker"

    def device(address: BrokerAddress, name: str, rounds: int | None = None) -> Device:
        return Device(tmp_path / name, "swh", address, StubTrainer(), rounds=rounds)

    async def scenario() -> None:
        async with embedded(folder) as broker, coordinating(tmp_path / "data", tiny_plan(), broker.address):
            where = broker.public_address
            residents = [device(where, f"resident-{number}") for number in range(RESIDENTS)]
            async with running(*residents) as together:
                for number in range(KILLS):
                    done = [resident.client.snapshot.rounds for resident in residents]
                    await until_it_is_back(folder, where)
                    async with running(device(where, f"newcomer-{number}", rounds=1)) as joined:
                        await asyncio.wait_for(joined, SECONDS)
                    for resident, before in zip(residents, done, strict=True):
                        await until_it_goes_on(resident, before)
                assert not together.done()

    asyncio.run(asyncio.wait_for(scenario(), 400))

    assert "Not authorized" not in caplog.text
