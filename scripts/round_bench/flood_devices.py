"""The flood's devices, all in one process: it reads a `Flood` from stdin and prints a `Flooded`.

Each device says that it is ready, waits to be assigned, sends an update from the version that it was assigned, and
waits for the answer, as the protocol asks for. It neither trains nor fetches prompts: with all the devices on one
machine, that would measure them and not the coordinator.
"""

import os
import sys
import threading
import time
from contextlib import ExitStack

import msgspec
import paho.mqtt.client as paho

from mfpt_shared.keys import SigningKey
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan
from mfpt_shared.plan_files import plan_from_json
from mfpt_shared.protocol.codec import encode, understand
from mfpt_shared.protocol.messages import Ack, Assign, ClientState, Ready, Reject, Resync
from mfpt_shared.protocol.seal import seal
from mfpt_shared.protocol.topics import CLIENT_DOWN, CLIENT_STATE, CLIENT_UP, Topic
from round_bench.payloads import EXAMPLES, random_delta, update_content
from round_bench.processes import bare_client, take
from round_bench.served import Door
from round_bench.sizes import LANGUAGES


class Flood(msgspec.Struct, frozen=True):
    """What to do.

    Attributes:
        door: How the devices take part.
        plan: The federation's plan, as JSON.
        devices: Number of devices.
        total: Updates to be accepted, whichever device they come from.
        limit: Seconds after which the devices give up.
    """

    door: Door
    plan: str
    devices: int
    total: int
    limit: float


class Flooded(msgspec.Struct, frozen=True, kw_only=True):
    """What the devices were answered.

    Attributes:
        seconds: From the first `ready` to the last acknowledgement that counts, or until they gave up.
        refusal: Detail of the first rejection, if there was one.
    """

    accepted: int
    resynced: int
    rejected: int
    seconds: float
    refusal: str = ""


class Tally:
    """Counts the answers to all devices, whose messages come in threads of their own."""

    def __init__(self, total: int) -> None:
        """Prepare to count.

        Args:
            total: Acknowledgements to wait for.
        """
        self._total = total
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._began = 0.0
        self._seconds: float | None = None
        self._accepted = self._resynced = self._rejected = 0
        self._refusal = ""

    def begin(self) -> None:
        """Start the clock."""
        self._began = time.perf_counter()

    def count(self, message: Ack | Resync | Reject) -> None:
        """Count an answer; the flood is over at the last acknowledgement, or at the first rejection."""
        with self._lock:
            if self._over.is_set():
                return
            self._accepted += isinstance(message, Ack)
            self._resynced += isinstance(message, Resync)
            if isinstance(message, Reject):
                self._rejected += 1
                self._refusal = message.detail
            if self._accepted == self._total or self._rejected:
                self._seconds = time.perf_counter() - self._began
                self._over.set()

    def wait(self, limit: float) -> Flooded:
        """Wait for the end, but no longer than the limit (seconds), and return how far the devices got."""
        self._over.wait(limit)
        with self._lock:
            self._over.set()
            seconds = self._seconds if self._seconds is not None else time.perf_counter() - self._began
            return Flooded(
                accepted=self._accepted,
                resynced=self._resynced,
                rejected=self._rejected,
                seconds=seconds,
                refusal=self._refusal,
            )


class FloodDevice:
    """One device of the flood."""

    def __init__(self, number: int, plan: Plan, client: paho.Client, tally: Tally) -> None:
        """Prepare a device.

        Args:
            number: Number of the device, different for each.
            plan: Plan of the federation.
            client: Client that is connected to the broker.
            tally: Counter of the answers.
        """
        self._id = f"device-{number}"
        self._language: LanguageCode = LANGUAGES[number % len(LANGUAGES)]
        self._plan = plan
        self._client = client
        self._tally = tally
        self._delta = random_delta(plan, number)
        self._key = SigningKey.generate()
        self._sequence = 0
        self._answered = 0
        client.on_message = self._on_message

    def subscribe(self) -> None:
        """Ask for the coordinator's words to this device."""
        self._client.subscribe(CLIENT_DOWN.path(self._plan.federation, self._id), 1)

    def begin(self) -> None:
        """Say that the device is there and ready."""
        language, backbone = self._language, self._plan.backbone.fingerprint
        online = ClientState(state="online", language=language, session=1, number=1)
        self._publish(CLIENT_STATE, encode(online))
        ready = Ready(
            language=language, examples=EXAMPLES, plan=self._plan.digest, backbone=backbone, session=1, number=2
        )
        self._publish(CLIENT_UP, encode(ready))

    def _publish(self, topic: Topic, content: bytes) -> None:
        path = topic.path(self._plan.federation, self._id)
        self._client.publish(path, seal(path, content, self._key), 1, retain=topic.retain)

    def _on_message(self, _client: paho.Client, _data: object, inbound: paho.MQTTMessage) -> None:
        received = understand(inbound.topic, bytes(inbound.payload), self._plan.federation)
        message = None if received is None else received.message
        if isinstance(message, Assign):
            self._sequence += 1
            update = update_content(self._plan, self._delta, self._language, self._sequence, message.version)
            self._publish(CLIENT_UP, update)
        elif isinstance(message, Ack | Resync | Reject) and message.sequence > self._answered:
            self._answered = message.sequence
            self._tally.count(message)


def main() -> None:
    """Run the flood that stdin asks for."""
    flood = msgspec.json.decode(sys.stdin.buffer.read(), type=Flood)
    plan, address, security = plan_from_json(flood.plan.encode()), flood.door.address, flood.door.security
    subscribed = threading.Semaphore(0)
    with ExitStack() as stack:
        names = [f"device-{number}" for number in range(flood.devices)]
        clients = [
            stack.enter_context(bare_client(address, f"flood-{name}", name, security=security)) for name in names
        ]
        tally = Tally(flood.total)
        devices = [FloodDevice(number, plan, client, tally) for number, client in enumerate(clients)]
        for client, device in zip(clients, devices, strict=True):
            client.on_subscribe = lambda *_: subscribed.release()
            device.subscribe()
        take(subscribed, len(devices), flood.limit, "subscriptions of the flood")
        tally.begin()
        for device in devices:
            device.begin()
        sys.stdout.buffer.write(msgspec.json.encode(tally.wait(flood.limit)) + b"\n")
        sys.stdout.flush()
        os._exit(0)  # hundreds of clients would take seconds to say goodbye


if __name__ == "__main__":
    main()
