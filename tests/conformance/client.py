"""A device of a federation, written from docs/protocol.md alone, to be read beside it.

Together with `frames` and `plan` it needs the standard library and paho-mqtt, and nothing of the project. It is a
reference for the protocol, not for machine learning: `train` moves every value a little where a real device would run
its optimiser.

    python -m conformance.client HOST PORT FEDERATION LANGUAGE FOLDER ROUNDS

It takes part until ROUNDS of its updates have been acknowledged and the version after them has arrived, or until the
coordinator ends the federation. Then it leaves that version in FOLDER/prompt.json. On standard output it writes a line
of JSON for every prompt and order that it receives.
"""

import hashlib
import json
import math
import queue
import secrets
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from conformance.frames import PROMPT, UPDATE, State, Tensor, read_frame, read_prompt, write_delta, write_frame
from conformance.plan import objection_to

EXAMPLES: Final = 20  # in the training data that this device would have
RESEND_SECONDS: Final = 15.0
READY_SECONDS: Final = 60.0
LAST_VERSION_SECONDS: Final = 30.0


class Folder:
    """What a device keeps on disk: its id, its last sequence number, and the updates not yet acknowledged."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity = path / "identity.json"
        path.mkdir(parents=True, exist_ok=True)
        if not self._identity.exists():
            self._identity.write_text(json.dumps({"client": secrets.token_hex(8), "sequence": 0}))
        kept = json.loads(self._identity.read_text())
        self.client: str = kept["client"]
        self._sequence: int = kept["sequence"]

    def next_sequence(self) -> int:
        self._sequence += 1
        self._identity.write_text(json.dumps({"client": self.client, "sequence": self._sequence}))
        return self._sequence

    def keep(self, sequence: int, frame: bytes) -> None:
        (self._path / f"{sequence}.update").write_bytes(frame)

    def forget(self, sequence: int) -> bytes | None:
        """Remove an update and return it; None if it has been removed before."""
        file = self._path / f"{sequence}.update"
        frame = file.read_bytes() if file.exists() else None
        file.unlink(missing_ok=True)
        return frame

    def updates(self) -> list[bytes]:
        files = sorted(self._path.glob("*.update"), key=lambda file: int(file.stem))
        return [file.read_bytes() for file in files]

    def keep_prompt(self, version: int, state: State) -> None:
        values = {name: tensor.values for name, tensor in state.items()}
        (self._path / "prompt.json").write_text(json.dumps({"version": version, "values": values}))


def train(state: State) -> State:
    """Return the change of the prompt state that a round of training makes: here, a hundredth everywhere."""
    return {name: Tensor(shape, [0.01] * len(values)) for name, (shape, values) in state.items()}


def clipped(delta: State, clip_norm: float) -> State:
    """Scale a change down to an L2 norm of at most `clip_norm`, 0 for no limit."""
    norm = math.sqrt(sum(value * value for tensor in delta.values() for value in tensor.values))
    factor = min(1.0, clip_norm / norm) if clip_norm and norm else 1.0
    return {name: Tensor(shape, [value * factor for value in values]) for name, (shape, values) in delta.items()}


class Device:
    """What a device knows, and what it does when something happens."""

    def __init__(
        self,
        connection: mqtt.Client,
        federation: str,
        language: str,
        folder: Folder,
        rounds: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._mqtt = connection
        self._clock = clock
        self._root = f"mfpt/v1/{federation}"
        self._me = f"{self._root}/client/{folder.client}"
        self._language = language
        self._folder = folder
        self._rounds_left = rounds
        self._plan: dict[str, Any] = {}
        self._digest = ""
        self._coordinator: float | None = None  # `started` of the one that is online and has been greeted
        self._version, self._state = -1, State()  # of the newest prompt
        self._version_from: float | None = None  # the coordinator that was online when it came
        self._trained_from = -1
        self._assigned: int | None = None  # train from this version or a newer one
        self._last_version: int | None = None  # leave when this version has come
        self._resend_at = self._ready_at = self._leave_at = math.inf
        self.ended = False

    def connected(self) -> None:
        """Subscribe and publish the state, on every connection, the first or a later one."""
        self._coordinator = self._assigned = None  # the coordinator's retained state comes again
        self._mqtt.subscribe(f"{self._root}/plan", qos=1)
        self._publish_state("idle")

    def received(self, topic: str, payload: bytes) -> None:
        """Handle a message; an empty one says that a retained message was removed."""
        if not payload:
            return
        if topic == f"{self._root}/plan":
            self._receive_plan(payload)
        elif topic == f"{self._root}/coord/state":
            self._receive_coordinator(json.loads(payload))
        elif topic == f"{self._me}/down":
            self._receive_order(json.loads(payload))
        else:
            self._receive_prompt(*read_frame(payload, PROMPT))

    def time_passed(self) -> None:
        """Repeat what may have been lost, and leave if the last version does not come."""
        now = self._clock()
        waiting = self._folder.updates()
        is_idle = not waiting and self._assigned is None and self._last_version is None
        if now >= self._leave_at:
            self._leave("finished, but the last version did not come")
        elif self._coordinator is not None and waiting and now >= self._resend_at:
            self._send_updates()
        elif self._coordinator is not None and is_idle and now >= self._ready_at:
            self._send_ready()

    def _receive_plan(self, payload: bytes) -> None:
        digest = hashlib.sha256(payload).hexdigest()[:16]
        if self._plan and digest != self._digest:
            self._leave("the federation follows another plan now; start this device again")
            return
        self._plan, self._digest = json.loads(payload), digest
        if objection := objection_to(self._plan, EXAMPLES):
            self._leave(objection)
            return
        # MQTT keeps the order within a topic alone: what is of use only with the plan is asked for once it is here.
        for topic in (f"prompt/{self._language}", f"client/{self._folder.client}/down", "coord/state"):
            self._mqtt.subscribe(f"{self._root}/{topic}", qos=1)

    def _receive_coordinator(self, state: dict[str, Any]) -> None:
        if state["state"] == "offline":
            self._coordinator = self._assigned = None
        elif state["started"] != self._coordinator:
            self._coordinator, self._assigned = state["started"], None
            self._trained_from = -1  # another coordinator, which may be at a lower version
            self._send_updates()
            if self._last_version is None:
                self._send_ready()

    def _receive_prompt(self, header: dict[str, Any], body: bytes) -> None:
        late = header["version"] < self._version and self._version_from == self._coordinator
        if header["plan"] != self._digest or late:
            return
        self._version, self._state, self._version_from = header["version"], read_prompt(body), self._coordinator
        report("prompt", version=self._version)
        self._train_if_assigned()
        self._leave_if_last()

    def _receive_order(self, order: dict[str, Any]) -> None:
        report(order["type"], **{key: value for key, value in order.items() if key != "type"})
        match order["type"]:
            case "assign" if self._last_version is None:
                self._assigned = order["version"]
                self._train_if_assigned()
            case "ack":
                self._receive_ack(order["sequence"], order.get("staleness", 0))
            case "reject" | "resync":
                self._folder.forget(order["sequence"])
                self._trained_from = -1
            case "stop" if order["reason"] == "finished":
                self._leave_with(order["version"])
            case "stop":
                self._leave(order.get("detail", ""))

    def _receive_ack(self, sequence: int, staleness: int) -> None:
        frame = self._folder.forget(sequence)
        if frame is None:
            return  # acknowledged twice
        self._rounds_left -= 1
        if self._last_version is None and self._rounds_left > 0:
            self._publish_state("idle")
        elif self._last_version is None:
            header, _ = read_frame(frame, UPDATE)
            self._leave_with(header["base_version"] + staleness + 1)  # the first version that can hold the update

    def _train_if_assigned(self) -> None:
        if self._assigned is None or self._version < max(self._assigned, self._trained_from + 1):
            return
        self._assigned, self._trained_from = None, self._version
        self._publish_state("training")
        delta = clipped(train(self._state), self._plan["privacy"]["clip_norm"])
        sequence = self._folder.next_sequence()
        header = {"sequence": sequence, "base_version": self._version, **self._about_me()}
        self._folder.keep(sequence, write_frame(UPDATE, header, write_delta(delta)))
        self._publish_state("uploading")
        self._send_updates()

    def _leave_with(self, version: int) -> None:
        self._publish_state("done")
        self._last_version, self._leave_at = version, self._clock() + LAST_VERSION_SECONDS
        self._leave_if_last()

    def _leave_if_last(self) -> None:
        if self._last_version is not None and self._version >= self._last_version:
            self._folder.keep_prompt(self._version, self._state)
            self._leave("finished")

    def _leave(self, why: str) -> None:
        self._publish_state("done")
        self._publish(f"{self._me}/state", offline(self._language), retain=True)
        report("goodbye", why=why, version=self._version)
        self.ended = True

    def _send_updates(self) -> None:
        for frame in self._folder.updates():
            self._publish(f"{self._me}/up", frame)
        self._resend_at = self._clock() + RESEND_SECONDS

    def _send_ready(self) -> None:
        self._publish(f"{self._me}/up", json.dumps({"type": "ready", **self._about_me()}).encode())
        self._ready_at = self._clock() + READY_SECONDS

    def _about_me(self) -> dict[str, Any]:
        backbone = self._plan["backbone"]["fingerprint"]  # a real device hashes the weights that it has
        return {"language": self._language, "examples": EXAMPLES, "plan": self._digest, "backbone": backbone}

    def _publish_state(self, phase: str) -> None:
        state = {"state": "online", "language": self._language, "phase": phase, "version": max(0, self._version)}
        self._publish(f"{self._me}/state", json.dumps(state).encode(), retain=True)

    def _publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self._mqtt.publish(topic, payload, qos=1, retain=retain)


def offline(language: str) -> bytes:
    return json.dumps({"state": "offline", "language": language}).encode()


def report(event: str, **details: Any) -> None:
    sys.stdout.write(json.dumps({"event": event, **details}) + "\n")
    sys.stdout.flush()


def send_at_once(_client: mqtt.Client, _data: object, opened: object) -> None:
    if isinstance(opened, socket.socket):
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def main(host: str, port: str, federation: str, language: str, path: str, rounds: str) -> None:
    folder = Folder(Path(path))
    connection = mqtt.Client(CallbackAPIVersion.VERSION2, f"second-{folder.client}", clean_session=True)
    device = Device(connection, federation, language, folder, int(rounds))
    connection.will_set(f"mfpt/v1/{federation}/client/{folder.client}/state", offline(language), qos=1, retain=True)
    # paho calls back in a thread of its own; what happened is handled in this one.
    happened: queue.Queue[mqtt.MQTTMessage | None] = queue.Queue()
    connection.on_connect = lambda *_: happened.put(None)
    connection.on_message = lambda _client, _data, message: happened.put(message)
    connection.on_socket_open = send_at_once
    connection.connect(host, int(port))
    connection.loop_start()
    while not device.ended:
        try:
            message = happened.get(timeout=1)
        except queue.Empty:
            device.time_passed()
            continue
        if message is None:
            device.connected()
        else:
            try:
                device.received(message.topic, bytes(message.payload))
            except ValueError as error:
                report("ignored", topic=message.topic, why=str(error))
    connection.disconnect()
    connection.loop_stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
