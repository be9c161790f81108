"""The devices of rounds without training, all in one process: it reads a `Wanted` from stdin and prints a `Seen`.

They are the product's own devices, each with a connection, a key and an outbox; only their trainers do nothing.
"""

import asyncio
import itertools
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import msgspec

from mfpt_edge.session.channel import client_will
from mfpt_edge.session.snapshot import Snapshot
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_shared.transport.mqtt import MqttTransport
from round_bench.served import Door
from round_bench.sizes import LANGUAGES
from stub_federation.device import stub_client, taking_part
from stub_federation.trainer import StubTrainer


class Wanted(msgspec.Struct, frozen=True):
    """What to do.

    Attributes:
        door: How the devices take part.
        federation: Name of the federation.
        devices: Number of devices.
        rounds: Version after which they leave.
        limit: Seconds after which they give up.
    """

    door: Door
    federation: str
    devices: int
    rounds: int
    limit: float


class Seen(msgspec.Struct, frozen=True):
    """What the devices saw: the newest version, and the seconds between each version and the next, first come first."""

    version: int
    seconds: list[float]


async def rounds(wanted: Wanted) -> Seen:
    """Take part until the last version is there, or the time is up."""
    seen: dict[int, float] = {}
    done = asyncio.Event()

    def observe(snapshot: Snapshot) -> None:
        if snapshot.version is not None and snapshot.version not in seen:
            seen[snapshot.version] = time.perf_counter()
            if snapshot.version >= wanted.rounds:
                done.set()

    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="mfpt-bench-", dir=memory if memory.is_dir() else None) as outboxes:
        async with AsyncExitStack() as stack:
            for index in range(wanted.devices):
                device = _running_device(wanted, Path(outboxes) / str(index), index, observe)
                await stack.enter_async_context(device)
            with suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), wanted.limit)
    times = [seen[version] for version in sorted(seen)]
    return Seen(max(seen, default=0), [after - before for before, after in itertools.pairwise(times)])


@asynccontextmanager
async def _running_device(
    wanted: Wanted, path: Path, index: int, observe: Callable[[Snapshot], None]
) -> AsyncIterator[None]:
    folder = DeviceFolder(path)
    session = folder.begin_session(folder.enrol(LANGUAGES[index % len(LANGUAGES)]))
    own = replace(wanted.door.address, username=session.identity.client, password=None)
    will = client_will(wanted.federation, session)
    transport = MqttTransport(own, session.mqtt_client, will=will, security=wanted.door.security)
    client = stub_client(folder, session, wanted.federation, transport, StubTrainer(), observe=observe)
    async with taking_part(client, transport):
        yield


def main() -> None:
    """Run the rounds that stdin asks for."""
    seen = asyncio.run(rounds(msgspec.json.decode(sys.stdin.buffer.read(), type=Wanted)))
    sys.stdout.buffer.write(msgspec.json.encode(seen) + b"\n")
    sys.stdout.flush()
    os._exit(0)  # nothing is left to do, and idle threads would take their time


if __name__ == "__main__":
    main()
