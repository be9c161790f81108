"""What a round costs beside training: the real coordinator, broker, sockets and devices, with trainers that do nothing.

    noop_round_ms        from one version to the next: assign, upload, durable commit, fold, publish, receive
    bare_round_ms        the same messages between bare paho clients on the same broker: the bound
    accepted_per_s       updates that 200 devices push as fast as they can: checked, committed, folded, acknowledged
    bare_messages_per_s  the same bytes to a bare paho subscriber: the bound

The coordinator is a process of its own, as is the flood; all of them share this machine's cores. The coordinator's
commits go to the disk. The devices' outboxes are in memory where the system has a memory file system: in life every
device has a disk of its own, and here they would queue for one.
"""

import argparse
import asyncio
import itertools
import json
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from mfpt_coord.server.broker import EmbeddedBroker, Listen
from mfpt_edge.session.channel import client_will
from mfpt_edge.session.client import EdgeClient
from mfpt_edge.session.snapshot import Snapshot
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_shared.device.trainer import Measured, OnProgress, Tuned
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Aggregation, BackboneSpec, Plan, Task, plan_to_json
from mfpt_shared.plan_files import plan_from_json, plan_to_toml
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import Update, UpdateHeader
from mfpt_shared.tensors import PromptState, halve, initial_state, layout, quantise_with_feedback
from mfpt_shared.transport.mqtt import BrokerAddress, MqttTransport, parse_broker

LANGUAGES = tuple(LanguageCode(code) for code in ("swh", "zul", "yor", "amh"))
FLOOD_DEVICES = 200
FLOOD_UPDATES = 25
LIMIT_SECONDS = 120.0


class NoTraining:
    """A trainer that gives back what it got. See mfpt_shared.device.trainer.Trainer."""

    examples = 10
    fingerprint = ""
    device = "benchmark"

    def tune(self, start: PromptState, *, epochs: int, seed: int, on_progress: OnProgress) -> Tuned:
        return Tuned(start, 0.0, epochs=0)

    def validate(self, state: PromptState) -> Measured:
        return Measured(0.0, 0.0, 0)

    def test(self, state: PromptState) -> Measured:
        return Measured(0.0, 0.0, 0)


def bench_plan(buffer: int) -> Plan:
    """Updates of 10 KB: 20 x 384 virtual tokens and a head of 7 classes, in 8 bits."""
    return Plan(
        task=Task(labels=tuple(f"label {index}" for index in range(7))),
        backbone=BackboneSpec(fingerprint=""),
        aggregation=Aggregation(buffer=buffer, max_staleness=1_000_000, proximity="uniform"),
    )


@contextmanager
def coordinator(folder: Path, plan: Plan, broker: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `mfpt-coord serve` on a broker that is there already."""
    (folder / "plan.toml").write_text(plan_to_toml(plan))
    command = [
        "mfpt-coord",
        "serve",
        "--plan",
        str(folder / "plan.toml"),
        "--data-dir",
        str(folder / "data"),
        "--broker",
        broker,
    ]
    with (folder / "coordinator.log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log, stdout=log)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(15)


async def noop_rounds(address: BrokerAddress, folder: Path, devices: int, rounds: int) -> float:
    """Return the median time between two versions as the devices see them, in ms."""
    seen: dict[int, float] = {}
    done = asyncio.Event()

    def observe(snapshot: Snapshot) -> None:
        if snapshot.version is not None and snapshot.version not in seen:
            seen[snapshot.version] = time.perf_counter()
            if snapshot.version >= rounds:
                done.set()

    memory = Path("/dev/shm")
    with (
        coordinator(folder, bench_plan(devices), str(address)),
        tempfile.TemporaryDirectory(prefix="mfpt-bench-", dir=memory if memory.is_dir() else None) as outboxes,
    ):
        async with AsyncExitStack() as stack:
            for index in range(devices):
                await stack.enter_async_context(running_device(address, Path(outboxes) / str(index), index, observe))
            await asyncio.wait_for(done.wait(), LIMIT_SECONDS)
    versions = sorted(version for version in seen if version >= 3)  # the first rounds warm up
    return 1000 * statistics.median(seen[after] - seen[before] for before, after in itertools.pairwise(versions))


@asynccontextmanager
async def running_device(address: BrokerAddress, path: Path, index: int, observe: object) -> AsyncIterator[None]:
    folder = DeviceFolder(path)
    identity = folder.enrol(LANGUAGES[index % len(LANGUAGES)])
    transport = MqttTransport(address, f"bench-{identity.client}", will=client_will("default", identity))
    client = EdgeClient(
        folder, identity, "default", transport, prepare=lambda _: NoTraining(), clock=time.time, observe=observe,  # type: ignore[arg-type]
    )  # fmt: skip
    await transport.connect()
    task = asyncio.create_task(client.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        client.close()


def bare_client(address: BrokerAddress, name: str) -> paho.Client:
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name)
    client.max_inflight_messages_set(1000)
    client.on_socket_open = lambda _client, _data, sock: sock.setsockopt(6, 1, 1)  # TCP_NODELAY
    client.connect(address.host, address.port)
    client.loop_start()
    return client


def bare_rounds(address: BrokerAddress, devices: int, rounds: int) -> float:
    """Return the median time of the same messages without mfpt, in ms: orders, updates, then answers and prompts."""
    update, small, prompt = os.urandom(len(one_update(bench_plan(1), 1))), os.urandom(60), os.urandom(prompt_bytes())
    arrived, answered = threading.Semaphore(0), threading.Semaphore(0)
    server = bare_client(address, "bare-server")
    subscribed = threading.Semaphore(0)
    server.on_subscribe = lambda *_: subscribed.release()
    server.on_message = lambda *_: arrived.release()
    server.subscribe("bare/up/+", 1)
    clients = []
    for index in range(devices):
        client = bare_client(address, f"bare-{index}")

        def on_message(client: paho.Client, _data: object, message: paho.MQTTMessage, index: int = index) -> None:
            if message.topic.startswith("bare/prompt"):
                answered.release()
            elif message.payload == small:
                client.publish(f"bare/up/{index}", update, 1)

        client.on_subscribe = lambda *_: subscribed.release()
        client.on_message = on_message
        client.subscribe([(f"bare/down/{index}", 1), (f"bare/prompt/{index % len(LANGUAGES)}", 1)])
        clients.append(client)
    for _ in range(devices + 1):
        subscribed.acquire(timeout=LIMIT_SECONDS)
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        for index in range(devices):
            server.publish(f"bare/down/{index}", small, 1)
        for _ in range(devices):
            arrived.acquire(timeout=LIMIT_SECONDS)
        for language in range(len(LANGUAGES) + 1):
            server.publish(f"bare/prompt/{language}", prompt, 1, retain=True)
        for index in range(devices):
            server.publish(f"bare/down/{index}", small[:40], 1)
        for _ in range(devices):
            answered.acquire(timeout=LIMIT_SECONDS)
        times.append(time.perf_counter() - began)
    for client in (server, *clients):
        client.disconnect()
        client.loop_stop()
    return 1000 * statistics.median(times[2:])


def one_update(plan: Plan, sequence: int, language: str = LANGUAGES[0]) -> bytes:
    rng = np.random.default_rng(sequence)
    state = {name: (0.001 * rng.standard_normal(shape)).astype(np.float32) for name, shape in layout(plan).items()}
    header = UpdateHeader(
        sequence=sequence,
        language=language,
        base_version=0,
        examples=10,
        plan=plan.digest,
        backbone=plan.backbone.fingerprint,
    )
    return encode(Update(header, quantise_with_feedback(state, None)[0]))


def prompt_bytes() -> int:
    return sum(array.nbytes for array in halve(initial_state(bench_plan(1))).values())


def flood(address: BrokerAddress, digest_of: str, topic: str) -> None:
    """Push all updates of all devices; runs in a process of its own, and waits for a line on stdin to begin."""
    plan = plan_from_json(digest_of.encode())
    updates = {
        (device, sequence): one_update(plan, sequence, LANGUAGES[device % len(LANGUAGES)])
        for device in range(FLOOD_DEVICES)
        for sequence in range(1, FLOOD_UPDATES + 1)
    }
    clients = [bare_client(address, f"flood-{device}") for device in range(FLOOD_DEVICES)]
    print("ready", flush=True)
    sys.stdin.readline()
    for sequence in range(1, FLOOD_UPDATES + 1):
        for device, client in enumerate(clients):
            client.publish(topic.replace("+", f"device-{device}"), updates[device, sequence], 1)
    sys.stdin.readline()
    os._exit(0)


@contextmanager
def flooding(address: BrokerAddress, plan: Plan, topic: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, __file__, "--flood", str(address), plan_to_json(plan).decode(), topic]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.wait()


def begin(process: subprocess.Popen[str]) -> float:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    return time.perf_counter()


def accepted_per_second(address: BrokerAddress, folder: Path) -> float:
    """Return how many updates a second get their acknowledgement, from the first push to the last one."""
    plan = bench_plan(50)
    acknowledged, ready = threading.Semaphore(0), threading.Event()
    spy = bare_client(address, "spy")
    spy.on_message = lambda _client, _data, message: (
        acknowledged.release()
        if b'"ack"' in message.payload
        else ready.set()
        if message.topic.endswith("plan")
        else None
    )
    spy.subscribe([("mfpt/v1/default/client/+/down", 1), ("mfpt/v1/default/plan", 1)])
    with coordinator(folder, plan, str(address)), flooding(address, plan, "mfpt/v1/default/client/+/up") as pushing:
        assert ready.wait(LIMIT_SECONDS)
        began = begin(pushing)
        for _ in range(FLOOD_DEVICES * FLOOD_UPDATES):
            assert acknowledged.acquire(timeout=LIMIT_SECONDS)
        seconds = time.perf_counter() - began
    spy.disconnect()
    spy.loop_stop()
    return FLOOD_DEVICES * FLOOD_UPDATES / seconds


def bare_messages_per_second(address: BrokerAddress) -> float:
    arrived = threading.Semaphore(0)
    subscriber = bare_client(address, "subscriber")
    subscriber.on_message = lambda *_: arrived.release()
    subscriber.subscribe("bare/flood/+", 1)
    with flooding(address, bench_plan(50), "bare/flood/+") as pushing:
        began = begin(pushing)
        for _ in range(FLOOD_DEVICES * FLOOD_UPDATES):
            assert arrived.acquire(timeout=LIMIT_SECONDS)
        seconds = time.perf_counter() - began
    subscriber.disconnect()
    subscriber.loop_stop()
    return FLOOD_DEVICES * FLOOD_UPDATES / seconds


async def measure(rounds: int) -> dict[str, object]:
    noop: dict[str, float] = {}
    bare: dict[str, float] = {}
    for devices in (2, 10, 50):
        async with fresh_broker() as (address, folder):
            bare[str(devices)] = round(await asyncio.to_thread(bare_rounds, address, devices, rounds), 2)
            noop[str(devices)] = round(await noop_rounds(address, folder, devices, rounds), 2)
    async with fresh_broker() as (address, folder):
        messages = await asyncio.to_thread(bare_messages_per_second, address)
    async with fresh_broker() as (address, folder):
        accepted = await asyncio.to_thread(accepted_per_second, address, folder)
    return {
        "noop_round_ms": noop,
        "bare_round_ms": bare,
        "accepted_per_s": round(accepted),
        "bare_messages_per_s": round(messages),
        "update_bytes": len(one_update(bench_plan(1), 1)),
        "machine": machine(),
    }


@asynccontextmanager
async def fresh_broker() -> AsyncIterator[tuple[BrokerAddress, Path]]:
    with tempfile.TemporaryDirectory(prefix="mfpt-bench-") as folder:
        async with EmbeddedBroker(Path(folder) / "broker", Listen("127.0.0.1", 0), os.environ) as broker:
            yield broker.address, Path(folder)


def machine() -> str:
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists() and (found := re.search(r"model name\s*: (.*)", info.read_text())):
        model = found.group(1)
    return f"{os.cpu_count()} cores, {model}, Python {platform.python_version()}"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/bench_round", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=30, help="rounds for each number of devices (default 30)")
    parser.add_argument("--json", action="store_true", help="print JSON alone")
    parser.add_argument("--flood", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.flood:
        flood(parse_broker(arguments.flood[0]), *arguments.flood[1:])
    result = asyncio.run(measure(arguments.rounds))
    if arguments.json:
        print(json.dumps(result))
        return
    noop, bare = result["noop_round_ms"], result["bare_round_ms"]
    assert isinstance(noop, dict)
    assert isinstance(bare, dict)
    print("devices   no-op round   bare paho   ratio")
    for devices, value in noop.items():
        print(f"{devices:>7} {value:>10.1f} ms {bare[devices]:>8.1f} ms {value / bare[devices]:>7.1f}")
    accepted, messages = result["accepted_per_s"], result["bare_messages_per_s"]
    assert isinstance(accepted, int)
    assert isinstance(messages, int)
    print(f"accepted  {accepted:>8} updates/s; bare paho {messages} messages/s; {accepted / messages:.0%} of the bound")
    print(f"updates of {result['update_bytes']} bytes; {result['machine']}")


if __name__ == "__main__":
    main()
