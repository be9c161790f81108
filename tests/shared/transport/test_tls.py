"""Whom a client believes over TLS, on MQTT's own port and over WebSockets, with a real nats-server."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from mfpt_shared.errors import ConnectionFailed, MfptError, UsageError, WrongCertificate
from mfpt_shared.keys import SigningKey
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.base import Transport
from mfpt_shared.transport.connection import Connection
from mfpt_shared.transport.security import Security, is_signed_by
from support.certificates import LOOPBACK, Authority, Certificate, signed_by
from support.inbox import Inbox
from support.nats import Nats, nats

# paho leaves the socket of a WebSocket that did not come about to the garbage collector.
pytestmark = [pytest.mark.network, pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")]
COORDINATOR = SigningKey.generate()
Scenario = Callable[[BrokerAddress], Awaitable[None]]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture(params=["mqtts", "wss"])
def on_each_port(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Nats, Scenario], None]:
    """A function that runs a scenario with the address of a server's port of each kind."""

    def run(settings: Nats, scenario: Scenario) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(30), nats(tmp_path, settings) as server:
                await scenario(server.tcp if request.param == "mqtts" else server.web)

        asyncio.run(bounded())

    return run


def believing(address: BrokerAddress, security: Security) -> Transport:
    return Connection((address,), security).transport("a")


async def assert_works(address: BrokerAddress, security: Security) -> None:
    client = believing(address, security)
    await client.connect()
    client.subscribe("t")
    client.publish("t", b"heard")
    await Inbox(client).until_message("t", b"heard")
    await client.close()


async def error_of(address: BrokerAddress, security: Security) -> MfptError:
    with pytest.raises(MfptError) as caught:
        await believing(address, security).connect()
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_certificate_of_a_known_ca_for_the_host_is_believed(
    on_each_port: Callable[[Nats, Scenario], None], authority: Authority
) -> None:
    on_each_port(
        Nats(authority.issue("broker", LOOPBACK)), lambda where: assert_works(where, Security(authority.certificate))
    )


@pytest.mark.parametrize("days", [(-1, 30), (-30, -1), (30, 60)], ids=["valid", "expired", "of the future"])
def test_a_certificate_that_the_pinned_key_signed_is_believed_whatever_the_clock_says(
    days: tuple[int, int], on_each_port: Callable[[Nats, Scenario], None], tmp_path: Path
) -> None:
    broker = signed_by(COORDINATOR.private, tmp_path, "broker", days)

    on_each_port(Nats(broker), lambda where: assert_works(where, Security(pinned=COORDINATOR.public)))


def test_a_certificate_that_another_key_signed_is_refused_by_whoever_has_pinned_one(
    on_each_port: Callable[[Nats, Scenario], None], tmp_path: Path
) -> None:
    async def scenario(where: BrokerAddress) -> None:
        error = await error_of(where, Security(pinned=COORDINATOR.public))
        assert isinstance(error, WrongCertificate)
        assert "not signed by the coordinator's key" in str(error)

    on_each_port(Nats(signed_by(SigningKey.generate().private, tmp_path, "broker")), scenario)


@pytest.mark.parametrize(
    ("hosts", "days", "said"),
    [
        ([LOOPBACK], (-1, 30), "unknown CA"),
        (["broker.example"], (-1, 30), f"another host than {LOOPBACK}"),
        ([LOOPBACK], (-30, -1), "check the clock"),
    ],
)
def test_a_wrong_certificate_is_refused_with_what_is_wrong_and_what_to_do(
    hosts: list[str],
    days: tuple[int, int],
    said: str,
    on_each_port: Callable[[Nats, Scenario], None],
    authority: Authority,
) -> None:
    ca = None if said == "unknown CA" else authority.certificate

    async def scenario(where: BrokerAddress) -> None:
        error = await error_of(where, Security(ca))
        assert isinstance(error, WrongCertificate)
        assert error.exit_code == 5
        assert said in str(error)

    on_each_port(Nats(authority.issue("broker", *hosts, days=days)), scenario)


def test_with_a_ca_file_and_a_pinned_key_either_will_do(tmp_path: Path, authority: Authority) -> None:
    either = Security(authority.certificate, pinned=COORDINATOR.public)

    async def scenario() -> None:
        async with AsyncExitStack() as stack:
            own, issued, foreign = [
                await stack.enter_async_context(nats(tmp_path, Nats(certificate)))
                for certificate in (
                    signed_by(COORDINATOR.private, tmp_path, "own"),
                    authority.issue("issued", LOOPBACK),
                    signed_by(SigningKey.generate().private, tmp_path, "foreign"),
                )
            ]
            await assert_works(own.tcp, either)
            await assert_works(issued.tcp, either)
            assert isinstance(await error_of(foreign.tcp, either), WrongCertificate)

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_a_broker_may_ask_for_the_certificate_of_a_client(
    on_each_port: Callable[[Nats, Scenario], None], authority: Authority
) -> None:
    own = authority.issue("device", "device")

    async def scenario(where: BrokerAddress) -> None:
        await assert_works(where, Security(authority.certificate, own.cert, own.key))
        assert "--cert" in str(await error_of(where, Security(authority.certificate)))

    on_each_port(Nats(authority.issue("broker", LOOPBACK), clients=authority.certificate), scenario)


@pytest.mark.parametrize(("scheme", "said"), [("mqtt", "mqtts://"), ("ws", "the port without TLS")])
def test_whoever_speaks_plainly_to_a_tls_port_is_told_so(
    scheme: str, said: str, tmp_path: Path, authority: Authority
) -> None:
    async def scenario() -> None:
        async with nats(tmp_path, Nats(authority.issue("broker", LOOPBACK))) as server:
            plain = replace(server.tcp, scheme="mqtt") if scheme == "mqtt" else replace(server.web, scheme="ws")
            error = await error_of(plain, Security())
            assert isinstance(error, ConnectionFailed)
            assert said in str(error)

    asyncio.run(asyncio.wait_for(scenario(), 30))


@pytest.mark.parametrize("scheme", ["mqtts", "wss"])
def test_whoever_speaks_tls_to_a_plain_port_is_told_so(scheme: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with nats(tmp_path, Nats()) as server:
            secure = replace(server.tcp, scheme="mqtts") if scheme == "mqtts" else replace(server.web, scheme="wss")
            error = await error_of(secure, Security())
            assert isinstance(error, ConnectionFailed)
            assert "speak TLS" in str(error)

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_a_file_that_cannot_be_used_is_a_usage_error_that_names_the_option(
    tmp_path: Path, authority: Authority
) -> None:
    missing, nonsense = tmp_path / "missing.pem", tmp_path / "nonsense.pem"
    nonsense.write_text("not PEM", encoding="ascii")
    one, other = authority.issue("one", "one"), authority.issue("other", "other")
    locked = encrypted(one, tmp_path)
    for security, said in (
        (Security(missing), "--ca-file .*missing.pem cannot be read: No such file"),
        (Security(nonsense), "--ca-file .*nonsense.pem has no certificate"),
        (Security(cert=missing), "--cert .*missing.pem cannot be read"),
        (Security(cert=one.cert, key=missing), "--key .*missing.pem cannot be read"),
        (Security(cert=nonsense, key=one.key), "--cert .*nonsense.pem"),
        (Security(cert=one.cert, key=other.key), "--cert .*one.pem --key .*other.key"),
        (Security(cert=one.cert), "--cert .*one.pem"),
        (Security(cert=one.cert, key=locked), "--key .*locked.key: .*unencrypted"),
    ):
        with pytest.raises(UsageError, match=said):
            security.context()


def encrypted(certificate: Certificate, folder: Path) -> Path:
    """Return the private key of a certificate in a file with a password."""
    key = serialization.load_pem_private_key(certificate.key.read_bytes(), password=None)
    locked = folder / "locked.key"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"password"),
        )
    )
    return locked


def test_a_key_without_its_certificate_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--cert"):
        Security(key=tmp_path / "device.key")


def test_only_the_signature_of_the_key_itself_makes_a_certificate_its_own(tmp_path: Path, authority: Authority) -> None:
    def der(certificate: Certificate) -> bytes:
        from ssl import PEM_cert_to_DER_cert

        return PEM_cert_to_DER_cert(certificate.cert.read_text(encoding="ascii"))

    own = der(signed_by(COORDINATOR.private, tmp_path, "own"))

    assert is_signed_by(own, COORDINATOR.public)
    assert not is_signed_by(own, SigningKey.generate().public)
    assert not is_signed_by(der(authority.issue("issued", LOOPBACK)), COORDINATOR.public)
    for position in range(0, len(own), 7):
        damaged = own[:position] + bytes([own[position] ^ 1]) + own[position + 1 :]
        assert not is_signed_by(damaged, COORDINATOR.public)
        assert not is_signed_by(own[:position], COORDINATOR.public)
