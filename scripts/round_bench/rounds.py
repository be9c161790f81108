"""Rounds without training: real devices with a trainer that does nothing, and the same messages with bare paho."""

import os
import statistics
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import paho.mqtt.client as paho

from mfpt_shared.errors import TimedOut
from mfpt_shared.protocol.topics import ROOT
from mfpt_shared.transport.address import BrokerAddress
from round_bench.payloads import bench_plan, prompt_bytes, update_bytes
from round_bench.processes import ask, bare_client, take
from round_bench.round_devices import Seen, Wanted
from round_bench.served import Protection, coordinator
from round_bench.sizes import LANGUAGES, Sizes

# The first rounds warm up.
WARM_UP: Final = 2
LEAST_ROUNDS: Final = WARM_UP + 1
ORDER_BYTES: Final = 60
# The broker serves one federation, and nothing beside it.
_BARE: Final = f"{ROOT}/default/bare"
ANSWER_BYTES: Final = 40


def noop_round_ms(folder: Path, devices: int, sizes: Sizes, protection: Protection) -> float:
    """Return the median time between two versions as the devices see them, in ms.

    Raises:
        TimedOut: The versions did not all come within the limit.
    """
    plan = bench_plan(devices, devices)
    with coordinator(folder, plan, protection, sizes.limit) as server:
        wanted = Wanted(server.door, plan.federation, devices, sizes.rounds, sizes.limit)
        seen = ask(server.door.command("round_bench.round_devices"), wanted, Seen, sizes.limit)
        if seen.version < sizes.rounds:
            reached = f"version {seen.version} of {sizes.rounds} after {sizes.limit:g} s with {devices} devices"
            raise TimedOut(f"{reached}; {server.explain()}")
    return 1000 * statistics.median(seen.seconds[WARM_UP:])


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
