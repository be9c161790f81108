"""More devices than the embedded broker may open files for."""

import asyncio
import resource
import sys
from asyncio.subprocess import PIPE
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from mfpt_coord.server.broker import EmbeddedBroker
from mfpt_coord.server.child import connections_with
from mfpt_shared.errors import ConnectionFailed
from mfpt_shared.protocol.topics import CLIENT_DOWN, CLIENT_STATE
from stub_federation.light_transport import LightTransport
from support.brokers import embedded
from support.programs import variables
from support.systems import linux_only

pytestmark = [pytest.mark.network, pytest.mark.slow]

FILES: Final = 300
DEVICES: Final = 400


async def enter(broker: EmbeddedBroker, name: str) -> LightTransport | None:
    """Connect as a device; None if there is no room."""
    device = LightTransport(replace(broker.public_address, username=name), f"client-of-{name}")
    try:
        await device.connect()
    except ConnectionFailed:
        return None
    await device.receive()
    device.subscribe(CLIENT_DOWN.path("test", name))
    device.publish(CLIENT_STATE.path("test", name), b"here", retain=True)
    return device


@linux_only
def test_a_crowd_at_the_door_does_no_harm_to_those_who_are_in(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path, max_connections=connections_with(FILES)) as broker:
            server = int((tmp_path / "nats.pid").read_text(encoding="ascii"))
            resource.prlimit(server, resource.RLIMIT_NOFILE, (FILES, FILES))
            came = await asyncio.gather(*(enter(broker, f"d{number}") for number in range(DEVICES)))
            inside = [device for device in came if device is not None]
            assert FILES / 2 < len(inside) < FILES
            for device in inside:
                assert await device.flush(20)
                await device.close()

    asyncio.run(asyncio.wait_for(scenario(), 120))


def test_a_thousand_devices_listen_at_one_broker(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path) as broker:
            devices = await asyncio.gather(*(enter(broker, f"d{number}") for number in range(1000)))
            for device in devices:
                assert device is not None
                assert await device.flush(60)
            # One for each subscription with QoS 1: none was refused.
            assert len(list(tmp_path.glob("jetstream/*/streams/$MQTT_msgs/obs/*"))) == len(devices)
            for device in filter(None, devices):
                await device.close()

    asyncio.run(asyncio.wait_for(scenario(), 120))


def test_an_operator_whose_machine_lets_few_files_be_opened_is_told_how_many_devices_that_makes(tmp_path: Path) -> None:
    limited = ("sh", "-c", f'ulimit -n {FILES} && exec "$@"', "sh", sys.executable)
    command = ("-m", "mfpt_coord", "serve", "--data-dir", str(tmp_path / "data"), "--listen", "127.0.0.1:0")

    async def scenario() -> str:
        serving = await asyncio.create_subprocess_exec(*limited, *command, stderr=PIPE, env=variables(tmp_path))
        try:
            assert serving.stderr is not None
            return (await serving.stderr.readline()).decode()
        finally:
            serving.terminate()
            await serving.communicate()

    said = asyncio.run(asyncio.wait_for(scenario(), 60))

    assert f"at most {connections_with(FILES)} connections" in said
    assert "ulimit -Hn" in said
