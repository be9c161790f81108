"""What a program that is connected to the same broker cannot do to a coordinator."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from mfpt_shared.protocol.seal import seal
from mfpt_shared.protocol.topics import CLIENT_UP
from mfpt_shared.transport.address import BrokerAddress
from support.neighbour import FEDERATION, Neighbour, plan_file
from support.programs import serve
from support.sealing import key_of

pytestmark = pytest.mark.network


def _packet(kind: int, body: bytes, announced: int | None = None) -> bytes:
    """Return an MQTT packet: type and flags, the remaining length in base 128, the body."""
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


def test_a_frame_that_announces_3_gigabytes_disturbs_nobody(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            serve(tmp_path, tmp_path / "data", "--plan", str(plan_file(tmp_path))) as serving,
            Neighbour(serving.address, "bad") as bad,
            Neighbour(serving.address, "good") as good,
        ):
            path = CLIENT_UP.path(FEDERATION, bad.name)
            frame = struct.pack("<4sBBHII", b"MFPT", 2, 2, 0, 100, 3_000_000_000) + bytes(1000)
            bad.publish(seal(path, frame, key_of(bad.name)))
            assert await bad.transport.flush(10)
            await good.take_part()
            good.say(good.update(1))
            await good.until_told(b'"ack"')

            assert any("3,000,000," in line for line in serving.log), serving.log
            assert serving.process.returncode is None

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_an_mqtt_message_that_announces_256_megabytes_disturbs_nobody(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serve(tmp_path, tmp_path / "data", "--plan", str(plan_file(tmp_path))) as serving:
            with _raw_connection(serving.address) as raw:
                body = _text(b"mfpt/v1/test/client/raw/up") + b"\x00\x01" + bytes(1 << 20)
                # The broker may hang up as soon as it has read the length.
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
