"""The embedded broker with TLS and WebSockets, and what becomes of a certificate that is renewed."""

import asyncio
import logging
import os
import shutil
import signal
from pathlib import Path

import pytest

from mfpt_coord.access.desk import Desk, OpenHouse
from mfpt_coord.server.broker import EmbeddedBroker
from mfpt_coord.server.broker_config import BrokerOptions, Certificate, Listen
from mfpt_shared.errors import MfptError, UsageError, WrongCertificate
from mfpt_shared.keys import SigningKey
from mfpt_shared.protocol.frames import MAX_PAYLOAD
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.base import Connected, Disconnected
from mfpt_shared.transport.mqtt import MqttTransport
from mfpt_shared.transport.security import Security
from support.brokers import environment
from support.certificates import LOOPBACK, Authority, signed_by
from support.certificates import Certificate as Made
from support.inbox import Inbox

pytestmark = [pytest.mark.network, pytest.mark.slow]
PLACE = "mfpt/v1/test/plan"


def secured(folder: Path, made: Made) -> EmbeddedBroker:
    options = BrokerOptions(MAX_PAYLOAD, certificate=Certificate(made.cert, made.key), websocket=Listen(LOOPBACK, 0))
    desk = Desk("test", open_house=OpenHouse())
    return EmbeddedBroker(folder / "broker", Listen(LOOPBACK, 0), options, "test", desk, environment())


async def connected(address: BrokerAddress, name: str, security: Security) -> tuple[MqttTransport, Inbox]:
    client = MqttTransport(address, name, security=security)
    await client.connect()
    inbox = Inbox(client)
    await inbox.until_event(Connected)
    return client, inbox


def put_in_place(new: Made, old: Made) -> None:
    shutil.copy(new.key, old.key)
    shutil.copy(new.cert, old.cert)


def test_mqtt_and_websockets_are_served_with_a_certificate_that_the_pinned_key_signed(tmp_path: Path) -> None:
    key = SigningKey.generate()

    async def scenario() -> None:
        async with secured(tmp_path, signed_by(key.private, tmp_path, "leaf")) as broker:
            assert broker.websocket_address is not None
            reader, inbox = await connected(broker.websocket_address, "a", Security(pinned=key.public))
            reader.subscribe(PLACE)
            writer, _ = await connected(broker.address, "b", Security(pinned=key.public))
            writer.publish(PLACE, b"plan", retain=True)
            await inbox.until_message(PLACE, b"plan")
            await reader.close()
            await writer.close()

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_whoever_pinned_another_key_does_not_connect(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with secured(tmp_path, signed_by(SigningKey.generate().private, tmp_path, "leaf")) as broker:
            for address in (broker.public_address, broker.websocket_address):
                assert address is not None
                client = MqttTransport(address, "a", security=Security(pinned=SigningKey.generate().public))
                with pytest.raises(WrongCertificate):
                    await client.connect()

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_a_renewed_certificate_is_served_and_retained_messages_are_kept(tmp_path: Path) -> None:
    first, second = Authority(tmp_path, "first"), Authority(tmp_path, "second")
    given = first.issue("given", LOOPBACK)

    async def scenario() -> None:
        async with secured(tmp_path, given) as broker:
            client, inbox = await connected(broker.address, "a", Security(ca_file=first.certificate))
            client.publish(PLACE, b"plan", retain=True)
            assert await client.flush(10)
            put_in_place(second.issue("new", LOOPBACK), given)
            await inbox.until_event(Disconnected)
            await client.close()
            late, inbox = await until_believed(broker.address, second.certificate)
            late.subscribe(PLACE)
            await inbox.until_message(PLACE, b"plan")
            await late.close()

    asyncio.run(asyncio.wait_for(scenario(), 40))


async def until_believed(address: BrokerAddress, authority: Path) -> tuple[MqttTransport, Inbox]:
    """Connect as soon as the server, which is being started again, takes a connection."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await connected(address, "late", Security(ca_file=authority))
            except MfptError:
                await asyncio.sleep(0.05)  # nothing tells when a port opens


def test_the_coordinator_believes_its_broker_s_renewed_certificate(tmp_path: Path) -> None:
    given = Authority(tmp_path, "first").issue("given", LOOPBACK)

    async def scenario() -> None:
        async with secured(tmp_path, given) as broker:
            client, inbox = await connected(broker.address, "a", Security(exact=broker.certificate))
            put_in_place(Authority(tmp_path, "second").issue("new", LOOPBACK), given)
            await inbox.until_event(Connected, count=2)
            await client.close()

    asyncio.run(asyncio.wait_for(scenario(), 40))


def test_a_renewal_that_is_no_certificate_leaves_the_old_one_running_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    authority = Authority(tmp_path)
    given = authority.issue("given", LOOPBACK)

    async def scenario() -> None:
        async with secured(tmp_path, given) as broker:
            given.cert.write_text("not a certificate", encoding="ascii")
            async with asyncio.timeout(20):
                while "old certificate is kept" not in caplog.text:
                    await asyncio.sleep(0.05)  # a line in a log is no event
            client, _ = await connected(broker.address, "a", Security(ca_file=authority.certificate))
            await client.close()

    with caplog.at_level(logging.WARNING):
        asyncio.run(asyncio.wait_for(scenario(), 40))

    assert len([record for record in caplog.records if "certificate" in record.getMessage()]) == 1


def test_a_server_that_dies_starts_again_with_the_certificate_it_had_though_the_given_one_is_gone(
    tmp_path: Path,
) -> None:
    authority = Authority(tmp_path)
    given = authority.issue("given", LOOPBACK)

    async def scenario() -> None:
        async with secured(tmp_path, given) as broker:
            client, inbox = await connected(broker.address, "a", Security(ca_file=authority.certificate))
            given.cert.unlink()
            os.kill(int((tmp_path / "broker" / "nats.pid").read_text(encoding="ascii")), signal.SIGKILL)
            await inbox.until_event(Connected, count=2)
            await client.close()

    asyncio.run(asyncio.wait_for(scenario(), 40))


def test_a_certificate_without_its_own_key_is_a_usage_error_before_anything_starts(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    one, other = authority.issue("one", LOOPBACK), authority.issue("other", LOOPBACK)

    async def scenario() -> None:
        async with secured(tmp_path, Made(one.cert, other.key)):
            raise AssertionError("the key is that of another certificate")

    with pytest.raises(UsageError, match="not a certificate in PEM with its own"):
        asyncio.run(asyncio.wait_for(scenario(), 30))


def test_the_copies_of_certificate_and_key_are_private(tmp_path: Path) -> None:
    async def scenario() -> list[int]:
        async with secured(tmp_path, Authority(tmp_path).issue("given", LOOPBACK)):
            return [(tmp_path / "broker" / name).stat().st_mode & 0o777 for name in ("tls.crt", "tls.key")]

    assert asyncio.run(asyncio.wait_for(scenario(), 30)) == [0o600, 0o600]
