"""What the second client repeats as time passes, and when it stops waiting: no broker, and a clock of the test."""

import json
from pathlib import Path

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from conformance.v2.client import (
    LAST_VERSION_SECONDS,
    READY_SECONDS,
    RESEND_SECONDS,
    SUBSCRIBE_SECONDS,
    Device,
)
from conformance.v2.folder import Folder
from conformance.v2.sealing import unseal
from mfpt_shared.keys import SigningKey
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import CoordinatorState, FromCoordinator, PlanNotice, Stop
from mfpt_shared.protocol.seal import seal
from support.federation import tiny_plan

ROOT = "mfpt/v1/default"


class Recorder(mqtt.Client):
    """A paho client without a broker, which only notes what is published."""

    def __init__(self) -> None:
        super().__init__(CallbackAPIVersion.VERSION2)
        self.sent: list[tuple[str, bytes]] = []
        self.asked: list[str] = []

    def publish(self, topic: str, payload: bytes, *_: object, **__: object) -> mqtt.MQTTMessageInfo:  # type: ignore[override]  # only what the client uses
        self.sent.append((topic.rsplit("/", 1)[1], unseal(topic, payload)[0]))
        return mqtt.MQTTMessageInfo(len(self.sent))

    def subscribe(self, topic: str, *_: object, **__: object) -> tuple[MQTTErrorCode, int]:  # type: ignore[override]  # only what the client uses
        self.asked.append(topic.removeprefix(f"{ROOT}/"))
        return MQTTErrorCode.MQTT_ERR_SUCCESS, len(self.asked)


class Played:
    """A device that has got the plan, and has met its coordinator at time 0."""

    def __init__(self, path: Path, *, update: bytes = b"", met: bool = True) -> None:
        self.now = 0.0
        self.mqtt = Recorder()
        folder = Folder(path)
        if update:
            folder.keep(folder.next_sequence(), update)
        self._coordinator = SigningKey.generate()
        self.device = Device(self.mqtt, "default", "swh", folder, rounds=2, clock=lambda: self.now)
        self.down = f"{ROOT}/client/{folder.id}/down"
        self.device.connected()
        self.hear(f"{ROOT}/plan", PlanNotice(epoch=1, digest="p", plan=tiny_plan()))
        if met:
            self.hear(f"{ROOT}/coord/state", CoordinatorState(epoch=1, state="online", coordinator="c", started=1.0))
        self.ready = json.loads(self.mqtt.sent[-1][1])
        self.mqtt.sent.clear()

    def hear(self, topic: str, message: FromCoordinator) -> None:
        """Let the device receive something that its coordinator signed."""
        self.device.received(topic, seal(topic, encode(message), self._coordinator))

    def sent_at(self, now: float) -> list[tuple[str, bytes]]:
        self.now = now
        self.mqtt.sent.clear()
        self.device.time_passed()
        return self.mqtt.sent


def test_an_update_without_an_answer_is_sent_again_after_15_seconds(tmp_path: Path) -> None:
    played = Played(tmp_path, update=b"an update")
    assert played.sent_at(RESEND_SECONDS - 1) == []
    assert played.sent_at(RESEND_SECONDS) == [("up", b"an update")]
    assert played.sent_at(RESEND_SECONDS + 1) == []


def test_an_idle_device_says_again_after_60_seconds_that_it_is_ready(tmp_path: Path) -> None:
    played = Played(tmp_path)
    assert played.sent_at(READY_SECONDS - 1) == []
    [(topic, payload)] = played.sent_at(READY_SECONDS)
    assert (topic, json.loads(payload)["type"]) == ("up", "ready")


def test_a_device_that_hears_of_no_coordinator_asks_again_every_5_seconds(tmp_path: Path) -> None:
    """A broker may answer a subscription with an old retained message while a new one is on its way, or with none."""
    played = Played(tmp_path, met=False)
    played.mqtt.asked.clear()
    played.sent_at(SUBSCRIBE_SECONDS - 1)
    assert played.mqtt.asked == []
    played.sent_at(SUBSCRIBE_SECONDS)
    played.sent_at(2 * SUBSCRIBE_SECONDS - 1)
    assert played.mqtt.asked.count("coord/state") == 1
    played.sent_at(2 * SUBSCRIBE_SECONDS)
    assert played.mqtt.asked.count("coord/state") == 2


def test_a_device_that_has_all_it_needs_does_not_ask_again(tmp_path: Path) -> None:
    played = Played(tmp_path)
    played.mqtt.asked.clear()
    played.sent_at(10 * SUBSCRIBE_SECONDS)
    assert played.mqtt.asked == []


def test_a_stopped_device_says_that_it_is_done_and_leaves_after_30_seconds(tmp_path: Path) -> None:
    played = Played(tmp_path)
    answered = {"session": played.ready["session"], "ready": played.ready["number"]}
    played.hear(played.down, Stop(epoch=1, version=9, reason="finished", **answered))
    [(topic, payload)] = played.mqtt.sent
    assert (topic, json.loads(payload)["phase"]) == ("state", "done")
    played.sent_at(LAST_VERSION_SECONDS - 1)
    assert not played.device.ended
    played.sent_at(LAST_VERSION_SECONDS)
    assert played.device.ended
