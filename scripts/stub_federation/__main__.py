"""A process of stub devices: it reads a `Group` from its first line of stdin, and tells what happens on stdout.

Its devices leave in order when stdin ends.
"""

import asyncio
import logging
import os
import random
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec

from mfpt_edge.session.channel import client_will
from mfpt_edge.session.connect import connect_with_retries
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_shared.errors import MfptError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.transport.address import parse_broker
from mfpt_shared.transport.base import Transport
from mfpt_shared.transport.mqtt import MqttTransport
from stub_federation.device import stub_client
from stub_federation.disturbed import DisturbedTransport
from stub_federation.light_transport import LightTransport
from stub_federation.reports import AnyReport, Ended, Group
from stub_federation.trainer import StubTrainer
from stub_federation.witness import Witness

RESTART_SECONDS: Final = 5.0
_STEP: Final = 1e-3


def _tell(report: AnyReport) -> None:
    # One write for each line: whoever kills this process gets whole lines.
    os.write(sys.stdout.fileno(), msgspec.json.encode(report) + b"\n")


async def _device(group: Group, index: int, chance: random.Random) -> None:
    """Take part with one device, again and again if it gives up."""
    await asyncio.sleep(group.spread * index / len(group.folders))
    while True:
        folder = DeviceFolder(Path(group.folders[index]))
        identity = folder.enrol(LanguageCode(group.languages[index]))
        session = folder.begin_session(identity)
        address = replace(parse_broker(group.broker), username=identity.client, password=None)
        kind = LightTransport if group.is_light else MqttTransport
        transport: Transport = kind(address, session.mqtt_client, will=client_will(group.federation, session))
        if group.disturbed:
            transport = DisturbedTransport(transport, chance, group.disturbed, _tell)
        transport = Witness(transport, group.federation, identity.client, _tell)
        trainer = StubTrainer(chance.uniform(*group.seconds), _STEP)
        client = stub_client(folder, session, group.federation, transport, trainer)
        try:
            await connect_with_retries(transport, None, asyncio.sleep)
            await client.run()
            _tell(Ended(identity.client, "it left by itself"))
        except MfptError as error:
            _tell(Ended(identity.client, f"{type(error).__name__}: {error}"))
        finally:
            client.close()
        await asyncio.sleep(RESTART_SECONDS)


async def _until_closed(stream: int) -> None:
    """Wait for the end of stdin."""
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(stream, "rb"))
    await reader.read()


async def take_part(group: Group, leave: Callable[[], "asyncio.Future[None]"]) -> None:
    """Run a group of devices until it shall leave."""
    chance = random.Random(group.seed)
    tasks = [
        asyncio.create_task(_device(group, index, random.Random(chance.random())))
        for index in range(len(group.folders))
    ]
    await asyncio.wait((*tasks, leave()), return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome


def main() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    group = msgspec.json.decode(sys.stdin.buffer.readline(), type=Group)
    with suppress(KeyboardInterrupt):
        asyncio.run(take_part(group, lambda: asyncio.ensure_future(_until_closed(os.dup(sys.stdin.fileno())))))


if __name__ == "__main__":
    main()
