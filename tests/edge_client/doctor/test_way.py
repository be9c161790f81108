"""The way to a broker, step by step: no name, a closed port, a wrong certificate, a proxy."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from mfpt_edge.doctor.examination import Check, Examined, Look, examine
from mfpt_edge.doctor.way import Way
from mfpt_shared.transport.connection import Connection, parse_connection
from mfpt_shared.transport.security import Security
from support.brokers import free_port
from support.certificates import Authority
from support.checkups import levels, line
from support.connect_proxy import ConnectProxy
from support.nats import Nats, nats
from support.sealing import key_of

pytestmark = pytest.mark.network


async def walked(connection: Connection) -> Examined:
    way = Way(connection)
    looks: tuple[tuple[str, Look, tuple[str, ...]], ...] = (
        ("proxy", way.proxy, ()),
        ("DNS", way.names, ("proxy",)),
        ("IPv4", way.ipv4, ("DNS",)),
        ("IPv6", way.ipv6, ("DNS",)),
        ("port", way.port, ("DNS",)),
        ("TLS", way.tls, ("port",)),
    )
    return await examine([Check(*look) for look in looks])


def walk(url: str, **how: str) -> Examined:
    return asyncio.run(walked(parse_connection(url, how)))


async def served(folder: Path, security: Security, authority: Authority) -> Examined:
    async with nats(folder, Nats(authority.issue("broker", "127.0.0.1"))) as server:
        return await walked(Connection((server.tcp,), security))


def test_a_name_that_nobody_knows_ends_at_dns() -> None:
    found = walk("mqtt://broker.invalid:1883")
    assert found.exit_code == 3
    assert "no address is known for broker.invalid" in line(found, "DNS").found
    assert line(found, "DNS").mend
    assert levels(found, "IPv4", "IPv6", "port", "TLS") == dict.fromkeys(("IPv4", "IPv6", "port", "TLS"), "skipped")


def test_a_closed_port_ends_at_the_port() -> None:
    port = free_port()
    found = walk(f"mqtt://127.0.0.1:{port}")
    assert found.exit_code == 3
    assert levels(found, "DNS", "IPv4", "IPv6", "port", "TLS") == {
        "DNS": "ok",
        "IPv4": "warning",
        "IPv6": "skipped",
        "port": "failed",
        "TLS": "skipped",
    }
    assert line(found, "port").found == f"cannot reach the broker at mqtt://127.0.0.1:{port}: Connection refused"


def test_a_certificate_of_an_unknown_ca_ends_at_tls(tmp_path: Path) -> None:
    found = asyncio.run(served(tmp_path, Security(), Authority(tmp_path)))
    assert found.exit_code == 5
    assert levels(found, "port", "TLS") == {"port": "ok", "TLS": "failed"}
    assert "comes from an unknown CA" in line(found, "TLS").found
    assert "--ca-file" in line(found, "TLS").mend


def test_a_certificate_that_another_key_signed_ends_at_tls(tmp_path: Path) -> None:
    pinned = Security(pinned=key_of("coordinator").public)
    found = asyncio.run(served(tmp_path, pinned, Authority(tmp_path)))
    assert found.exit_code == 5
    assert "is not signed by the coordinator's key" in line(found, "TLS").found


def test_a_certificate_that_is_believed_says_for_what(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    found = asyncio.run(served(tmp_path, Security(ca_file=authority.certificate), authority))
    assert line(found, "TLS").found.startswith("TLSv1.3, the certificate is from a CA, valid until ")


def test_a_port_that_does_not_speak_tls_ends_at_tls(tmp_path: Path) -> None:
    async def scenario() -> Examined:
        async with nats(tmp_path, Nats()) as server:
            return await walked(parse_connection(f"mqtts://127.0.0.1:{server.tcp.port}", {}))

    found = asyncio.run(scenario())
    assert levels(found, "port", "TLS") == {"port": "ok", "TLS": "failed"}
    assert found.exit_code == 3


def test_a_proxy_on_the_way_sees_to_the_name(tmp_path: Path) -> None:
    async def scenario() -> tuple[Examined, list[str]]:
        async with nats(tmp_path, Nats()) as server, ConnectProxy() as proxy:
            found = await walked(parse_connection(str(server.tcp), {}, proxy=str(proxy.place)))
            return found, proxy.requests

    found, requests = asyncio.run(scenario())
    assert levels(found, "proxy", "DNS", "IPv4", "IPv6", "port") == {
        "proxy": "ok",
        "DNS": "skipped",
        "IPv4": "skipped",
        "IPv6": "skipped",
        "port": "ok",
    }
    assert len(requests) == 1


def test_a_proxy_that_is_gone_ends_there() -> None:
    found = asyncio.run(walked(parse_connection("mqtt://127.0.0.1:1883", {}, proxy=f"http://127.0.0.1:{free_port()}")))
    assert found.exit_code == 3
    assert "does not answer (Connection refused)" in line(found, "proxy").found
    assert line(found, "port").found == "not looked at: see proxy"


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"HTTP/1.1 400 Bad Request\r\nDate: Sun, 15 Jun 2025 15:06:40 GMT\r\n\r\n", 1_750_000_000.0),
        (b"HTTP/1.1 400 Bad Request\r\nDate: yesterday\r\n\r\n", None),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", None),
        (b"", None),
    ],
)
def test_a_web_server_in_front_of_the_broker_tells_the_time(head: bytes, said: float | None) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):  # somebody who only tries the port
            await reader.readuntil(b"\r\n\r\n")
            writer.write(head)
        writer.close()

    async def scenario() -> float | None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            way = Way(parse_connection(f"ws://127.0.0.1:{port}/mqtt", {}))
            await way.names()
            await way.port()
            return await way.time_of_web_server()

    assert asyncio.run(scenario()) == said
