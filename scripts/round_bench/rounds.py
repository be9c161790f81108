"""Rounds without training: real devices with a trainer that does nothing, and the same messages with bare paho."""

import asyncio
import itertools
import os
import statistics
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import paho.mqtt.client as paho

from mfpt_edge.session.channel import client_will
from mfpt_edge.session.client import EdgeClient
from mfpt_edge.session.snapshot import Snapshot
from mfpt_edge.session.trust import Trust
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_shared.device.trainer import Measured, OnProgress, Tuned
from mfpt_shared.errors import TimedOut
from mfpt_shared.protocol.topics import ROOT
from mfpt_shared.tensors import PromptState
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.mqtt import MqttTransport
from round_bench.payloads import EXAMPLES, bench_plan, prompt_bytes, update_bytes
from round_bench.processes import bare_client, coordinator, take
from round_bench.sizes import LANGUAGES

# The first rounds warm up.
WARM_UP: Final = 2
LEAST_ROUNDS: Final = WARM_UP + 1
ORDER_BYTES: Final = 60
# The broker serves one federation, and nothing beside it.
_BARE: Final = f"{ROOT}/default/bare"
ANSWER_BYTES: Final = 40


class NoTraining:
    """A trainer that gives back what it got. See mfpt_shared.device.trainer.Trainer."""

    examples = EXAMPLES
    fingerprint = ""
    device = "benchmark"

    def tune(self, start: PromptState, *, epochs: int, seed: int, on_progress: OnProgress) -> Tuned:
        return Tuned(start, 0.0, epochs=0)

    def validate(self, state: PromptState) -> Measured:
        return Measured(0.0, 0.0, 0)

    def test(self, state: PromptState) -> Measured:
        return Measured(0.0, 0.0, 0)


async def noop_round_ms(address: BrokerAddress, folder: Path, devices: int, rounds: int, limit: float) -> float:
    """Return the median time between two versions as the devices see them, in ms.

    Raises:
        TimedOut: the versions did not all come within the limit (seconds).
    """
    seen: dict[int, float] = {}
    done = asyncio.Event()

    def observe(snapshot: Snapshot) -> None:
        if snapshot.version is not None and snapshot.version not in seen:
            seen[snapshot.version] = time.perf_counter()
            if snapshot.version >= rounds:
                done.set()

    memory = Path("/dev/shm")
    with (
        coordinator(folder, bench_plan(devices, devices), address) as server,
        tempfile.TemporaryDirectory(prefix="mfpt-bench-", dir=memory if memory.is_dir() else None) as outboxes,
    ):
        async with AsyncExitStack() as stack:
            for index in range(devices):
                await stack.enter_async_context(_running_device(address, Path(outboxes) / str(index), index, observe))
            try:
                await asyncio.wait_for(done.wait(), limit)
            except TimeoutError as error:
                reached = f"version {max(seen, default=0)} of {rounds} after {limit:g} s with {devices} devices"
                raise TimedOut(f"{reached}; {server.explain()}") from error
    versions = sorted(version for version in seen if version >= WARM_UP)
    return 1000 * statistics.median(seen[after] - seen[before] for before, after in itertools.pairwise(versions))


@asynccontextmanager
async def _running_device(
    address: BrokerAddress, path: Path, index: int, observe: Callable[[Snapshot], None]
) -> AsyncIterator[None]:
    folder = DeviceFolder(path)
    session = folder.begin_session(folder.enrol(LANGUAGES[index % len(LANGUAGES)]))
    own = replace(address, username=session.identity.client, password=None)
    transport = MqttTransport(own, session.mqtt_client, will=client_will("default", session))
    client = EdgeClient(
        folder,
        session,
        "default",
        transport,
        trust=Trust(),
        prepare=lambda _: NoTraining(),
        clock=time.time,
        observe=observe,
    )
    await transport.connect()
    task = asyncio.create_task(client.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        client.close()


def bare_round_ms(address: BrokerAddress, devices: int, rounds: int, limit: float) -> float:
    """Return the median time of the same messages without mfpt, in ms: orders, updates, then answers and prompts.

    Raises:
        TimedOut: a message did not come within the limit (seconds).
    """
    update, order, prompt = os.urandom(update_bytes()), os.urandom(ORDER_BYTES), os.urandom(prompt_bytes())
    arrived, answered, subscribed = (threading.Semaphore(0) for _ in range(3))
    times = []
    with ExitStack() as stack:
        server = stack.enter_context(bare_client(address, "bare-server"))
        server.on_subscribe = lambda *_: subscribed.release()
        server.on_message = lambda *_: arrived.release()
        server.subscribe(f"{_BARE}/up/+", 1)
        for index in range(devices):
            client = stack.enter_context(bare_client(address, f"bare-{index}"))
            client.on_subscribe = lambda *_: subscribed.release()
            client.on_message = _bare_device(index, order, update, answered)
            client.subscribe([(f"{_BARE}/down/{index}", 1), (f"{_BARE}/prompt/{index % len(LANGUAGES)}", 1)])
        take(subscribed, devices + 1, limit, "subscriptions")
        for _ in range(rounds):
            began = time.perf_counter()
            for index in range(devices):
                server.publish(f"{_BARE}/down/{index}", order, 1)
            take(arrived, devices, limit, "updates of bare clients")
            for language in range(len(LANGUAGES) + 1):
                server.publish(f"{_BARE}/prompt/{language}", prompt, 1, retain=True)
            for index in range(devices):
                server.publish(f"{_BARE}/down/{index}", order[:ANSWER_BYTES], 1)
            take(answered, devices, limit, "prompts of bare clients")
            times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times[WARM_UP:])


def _bare_device(
    index: int, order: bytes, update: bytes, answered: threading.Semaphore
) -> Callable[[paho.Client, object, paho.MQTTMessage], None]:
    def on_message(client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        if message.topic.startswith(f"{_BARE}/prompt"):
            answered.release()
        elif message.payload == order:
            client.publish(f"{_BARE}/up/{index}", update, 1)

    return on_message
