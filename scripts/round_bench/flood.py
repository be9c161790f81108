"""Accepted updates a second: devices that push as fast as the protocol lets them, beside a bare paho server."""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Final

import paho.mqtt.client as paho

from mfpt_shared.errors import MfptError, TimedOut
from mfpt_shared.keys import SigningKey
from mfpt_shared.plan import Plan, plan_to_json
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import Ack, Assign, Down
from mfpt_shared.protocol.seal import seal
from mfpt_shared.protocol.topics import CLIENT_DOWN, CLIENT_UP, parse
from mfpt_shared.transport.address import BrokerAddress
from round_bench.flood_devices import Flood, Flooded
from round_bench.payloads import bench_plan
from round_bench.processes import ask, bare_client
from round_bench.served import Door, Protection, coordinator
from round_bench.sizes import Sizes

_DEADLINE_SECONDS: Final = 600.0


def accepted_updates(folder: Path, sizes: Sizes, protection: Protection) -> Flooded:
    """Flood a coordinator.

    Raises:
        TimedOut: not all updates were accepted within the limit.
        MfptError: the coordinator rejected an update.
    """
    plan = bench_plan(sizes.flood_buffer, sizes.flood_devices)
    with coordinator(folder, plan, protection, sizes.limit) as server:
        return _flood(server.door, plan, sizes, server.explain)


def bare_updates(address: BrokerAddress, sizes: Sizes) -> Flooded:
    """Flood a bare paho client, which answers every update at once and does nothing with it: the bound.

    Raises:
        TimedOut: not all updates were answered within the limit.
    """
    plan = bench_plan(sizes.flood_buffer, sizes.flood_devices)
    sequences: defaultdict[str, int] = defaultdict(int)
    key = SigningKey.generate()
    with bare_client(address, "bare-server") as server:

        def answer(client: str, message: Down) -> None:
            path = CLIENT_DOWN.path(plan.federation, client)
            server.publish(path, seal(path, encode(message), key), 1)

        def on_message(_client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
            client = parse(message.topic, plan.federation).key
            if not message.payload.startswith(b"{"):  # an update, not `ready`
                sequences[client] += 1
                answer(client, Ack(sequence=sequences[client]))
            answer(client, Assign(version=sequences[client], deadline=_DEADLINE_SECONDS))

        server.on_message = on_message
        server.subscribe(CLIENT_UP.path(plan.federation), 1)
        door = Door(str(address), pinned=None, is_signed=True)
        return _flood(door, plan, sizes, lambda: "the server was a bare paho client")


def _flood(door: Door, plan: Plan, sizes: Sizes, explain: Callable[[], str]) -> Flooded:
    """Run the devices in a process of their own."""
    flood = Flood(door, plan_to_json(plan).decode(), sizes.flood_devices, sizes.flood_total, sizes.limit)
    flooded = ask(door.command("round_bench.flood_devices"), flood, Flooded, sizes.limit)
    check_complete(flooded, sizes.flood_total, explain)
    return flooded


def check_complete(flooded: Flooded, total: int, explain: Callable[[], str]) -> None:
    """Check that a flood got to its end.

    Args:
        flooded: Answers to the flood's devices.
        total: Number of updates that had to be accepted.
        explain: Function that says what became of the other side.

    Raises:
        MfptError: an update was rejected.
        TimedOut: too few were accepted.
    """
    if flooded.accepted >= total:
        return
    how_far = (
        f"{flooded.accepted} of {total} updates accepted, {flooded.resynced} resynced, {flooded.rejected} rejected "
        f"after {flooded.seconds:.1f} s"
    )
    if flooded.rejected:
        raise MfptError(f"{how_far}: {flooded.refusal}")
    raise TimedOut(f"{how_far}; {explain()}")
