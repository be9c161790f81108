"""A device of a federation as of protocol 2, written from docs/protocol.md alone, to be read beside it.

Together with the modules beside this one it needs the standard library, paho-mqtt, and `cryptography` for Ed25519, and
nothing of the project. It is a reference for the protocol, not for machine learning: `train` moves every value a little
where a real device would run its optimiser.

This folder is frozen: it must not change any more, and it must finish rounds with every later coordinator, unless the
plan uses a feature that it lacks. A later protocol gets a folder of its own.

    python -m conformance.v2.client ADDRESS LANGUAGE FOLDER ROUNDS

ADDRESS is an invitation (`mfpt://…`), or `mqtt://HOST:PORT/FEDERATION` for an open federation. It takes part until
ROUNDS of its updates have been acknowledged and the version after them has arrived, or until the coordinator ends the
federation. Then it leaves that version in FOLDER/prompt.json. On standard output it writes a line of JSON for every
prompt and order that it receives.
"""

import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from paho.mqtt import client as mqtt

from conformance.v2 import invitation
from conformance.v2.broker import Broker
from conformance.v2.folder import Folder
from conformance.v2.frames import PROMPT, UPDATE, State, Tensor, read_frame, read_prompt, write_delta, write_frame
from conformance.v2.listening import Listener
from conformance.v2.plan import objection_to
from conformance.v2.sealing import seal

PROTOCOL: Final = 2
EXAMPLES: Final = 20  # in the training data that this device would have
SUBSCRIBE_SECONDS: Final = 5.0
RESEND_SECONDS: Final = 15.0
READY_SECONDS: Final = 60.0
LAST_VERSION_SECONDS: Final = 30.0


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
        self._me = f"{self._root}/client/{folder.id}"
        self._language = language
        self._folder = folder
        self._listener = Listener(folder)
        self._number = 0  # of the last message in this session
        self._rounds_left = rounds
        self._plan: dict[str, Any] = {}
        self._digest = ""
        self._coordinator: int | None = None  # epoch of the one that is online and has been greeted
        self._version, self._state = -1, State()  # of the newest prompt
        self._trained_from = -1
        self._assigned: int | None = None  # train from this version or a newer one
        self._last_version: int | None = None  # leave when this version has come
        self._heard = False  # whether the coordinator's state has come over this connection
        self._subscribe_at = self._resend_at = self._ready_at = self._leave_at = math.inf
        self.ended = False

    def connected(self) -> None:
        """Subscribe and publish the state, on every connection, the first or a later one."""
        self._coordinator = self._assigned = None  # the coordinator's retained state comes again
        self._heard = False
        self._subscribe()
        self._publish_state("idle")

    def received(self, topic: str, payload: bytes) -> None:
        """Handle a message; an empty one says that a retained message was removed.

        Raises:
            ValueError: It is not the coordinator's, damaged, or not new. It has changed nothing.
        """
        if not payload:
            return
        content = self._listener.content(topic, payload)
        if topic.startswith(f"{self._root}/prompt/"):
            header, body = read_frame(content, PROMPT)
            self._listener.check_prompt(header)
            self._receive_prompt(header, body)
            return
        said = json.loads(content)
        if said.get("protocol", PROTOCOL) < PROTOCOL:
            raise ValueError("a message of an older protocol")
        self._listener.check_order(said)
        if topic == f"{self._root}/plan":
            self._receive_plan(said)
        elif topic == f"{self._root}/coord/state":
            self._receive_coordinator(said)
        else:
            self._receive_order(said)

    def time_passed(self) -> None:
        """Repeat what may have been lost, and leave if the last version does not come."""
        now = self._clock()
        waiting = self._folder.updates()
        is_idle = not waiting and self._assigned is None and self._last_version is None
        lacks = not self._heard or self._assigned is not None or self._last_version is not None
        if lacks and now >= self._subscribe_at:
            self._subscribe()
        if now >= self._leave_at:
            self._leave("finished, but the last version did not come")
        elif self._coordinator is not None and waiting and now >= self._resend_at:
            self._send_updates()
        elif self._coordinator is not None and is_idle and now >= self._ready_at:
            self._send_ready()

    def _receive_plan(self, notice: dict[str, Any]) -> None:
        if self._plan and notice["digest"] != self._digest:
            self._leave("the federation follows another plan now; start this device again")
            return
        is_first = not self._plan
        self._plan, self._digest = notice["plan"], notice["digest"]
        if objection := objection_to(self._plan, EXAMPLES):
            self._leave(objection)
            return
        if is_first:
            self._subscribe()

    def _subscribe(self) -> None:
        """Ask for the retained messages: MQTT keeps no order between topics, and so for the plan alone at first."""
        rest = (f"prompt/{self._language}", f"client/{self._folder.id}/down", "coord/state") if self._plan else ()
        for topic in ("plan", *rest):
            self._mqtt.subscribe(f"{self._root}/{topic}", qos=1)
        self._subscribe_at = self._clock() + SUBSCRIBE_SECONDS

    def _receive_coordinator(self, state: dict[str, Any]) -> None:
        self._heard = True
        if state["state"] == "offline":
            self._coordinator = self._assigned = None
        elif state["epoch"] != self._coordinator:
            self._coordinator, self._assigned = state["epoch"], None
            self._trained_from = -1  # another coordinator, which may be at a lower version
            self._send_updates()
            if self._last_version is None:
                self._send_ready()

    def _receive_prompt(self, header: dict[str, Any], body: bytes) -> None:
        if header["plan"] != self._digest:
            return
        self._version, self._state = header["version"], read_prompt(body)
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
        self._publish_state("done", state="offline")
        report("goodbye", why=why, version=self._version)
        self.ended = True

    def _send_updates(self) -> None:
        for frame in self._folder.updates():
            self._publish(f"{self._me}/up", frame)
        self._resend_at = self._clock() + RESEND_SECONDS

    def _send_ready(self) -> None:
        ready = {"type": "ready", **self._stamped(), **self._about_me()}
        self._listener.announced(ready["number"])
        self._publish(f"{self._me}/up", json.dumps(ready).encode())
        self._ready_at = self._clock() + READY_SECONDS

    def _stamped(self) -> dict[str, Any]:
        self._number += 1
        return {"protocol": PROTOCOL, "session": self._folder.session, "number": self._number}

    def _about_me(self) -> dict[str, Any]:
        backbone = self._plan["backbone"]["fingerprint"]  # a real device hashes the weights that it has
        return {"language": self._language, "examples": EXAMPLES, "plan": self._digest, "backbone": backbone}

    def _publish_state(self, phase: str, *, state: str = "online") -> None:
        said = {"state": state, "language": self._language, "phase": phase, "version": max(0, self._version)}
        self._publish(f"{self._me}/state", json.dumps({**self._stamped(), **said}).encode(), retain=True)

    def _publish(self, topic: str, content: bytes, *, retain: bool = False) -> None:
        self._mqtt.publish(topic, seal(topic, content, self._folder.key), qos=1, retain=retain)


def last_will(federation: str, language: str, folder: Folder) -> tuple[str, bytes]:
    """Return topic and payload of what the broker says when the connection is lost."""
    topic = f"mfpt/v1/{federation}/client/{folder.id}/state"
    said = {"protocol": PROTOCOL, "session": folder.session, "number": 0, "state": "offline", "language": language}
    return topic, seal(topic, json.dumps(said).encode(), folder.key)


def report(event: str, **details: Any) -> None:
    sys.stdout.write(json.dumps({"event": event, **details}) + "\n")
    sys.stdout.flush()


def main(address: str, language: str, path: str, rounds: str) -> None:
    folder, invited = Folder(Path(path)), invitation.read(address)
    if invited.coordinator and not folder.account:
        invitation.enrol(invited, folder, language)
        report("admitted", id=folder.id)
    will = last_will(invited.federation, language, folder)
    broker = Broker(invited.addresses, invitation.login(invited, folder), folder.coordinator, will)
    device = Device(broker.mqtt, invited.federation, language, folder, int(rounds))
    while not device.ended:
        happened = broker.next(seconds=1)
        if happened is None:
            device.time_passed()
        elif happened == "connected":
            device.connected()
        else:
            try:
                device.received(happened.topic, bytes(happened.payload))
            except ValueError as error:
                report("ignored", topic=happened.topic, why=str(error))
    broker.close()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (OSError, TimeoutError) as error:
        report("failed", why=str(error))
        sys.exit(5 if isinstance(error, PermissionError) else 3)
