"""Which proxy leads where, and connections through one."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from mfpt_shared.errors import ConnectionFailed, UsageError
from mfpt_shared.transport.address import BrokerAddress, parse_broker
from mfpt_shared.transport.mqtt import MqttTransport
from mfpt_shared.transport.proxy import Proxy, parse_proxies
from mfpt_shared.transport.security import Security
from support.brokers import free_port
from support.certificates import LOOPBACK, Authority
from support.connect_proxy import ConnectProxy
from support.inbox import Inbox
from support.nats import Nats, nats

PROXY = Proxy("proxy", 3128)
ENVIRONMENT = {"HTTPS_PROXY": "http://proxy:3128"}


@pytest.mark.parametrize(
    ("environment", "broker", "proxy"),
    [
        ({}, "mqtts://broker", None),
        (ENVIRONMENT, "mqtts://broker", PROXY),
        (ENVIRONMENT, "wss://broker", PROXY),
        (ENVIRONMENT, "mqtt://broker", None),
        ({"https_proxy": "proxy:3128"}, "mqtts://broker", PROXY),
        ({"ALL_PROXY": "http://proxy:3128/"}, "mqtt://broker", PROXY),
        ({"ALL_PROXY": "http://other:1"} | ENVIRONMENT, "wss://broker", PROXY),
        ({"ALL_PROXY": "socks5://proxy:1080"}, "wss://broker", None),
        ({"https_proxy": "http://proxy"}, "wss://broker", Proxy("proxy", 8080)),
        ({"https_proxy": "http://a%40b:c@proxy:1"}, "wss://broker", Proxy("proxy", 1, "a@b", "c")),
        (ENVIRONMENT, "mqtts://127.0.0.1", None),
        (ENVIRONMENT, "mqtts://[::1]", None),
        (ENVIRONMENT, "mqtts://localhost", None),
        (ENVIRONMENT | {"NO_PROXY": "other,broker"}, "mqtts://broker", None),
        (ENVIRONMENT | {"no_proxy": ".example.org"}, "mqtts://broker.example.org", None),
        (ENVIRONMENT | {"NO_PROXY": "example.org"}, "mqtts://broker.Example.org", None),
        (ENVIRONMENT | {"NO_PROXY": "example.org"}, "mqtts://notexample.org", PROXY),
        (ENVIRONMENT | {"NO_PROXY": "broker:443"}, "mqtts://broker", PROXY),
        (ENVIRONMENT | {"NO_PROXY": "broker:443"}, "wss://broker", None),
        (ENVIRONMENT | {"NO_PROXY": "10.0.0.5 fe80::1"}, "wss://[fe80::1]", None),
        (ENVIRONMENT | {"NO_PROXY": "*"}, "mqtts://broker", None),
    ],
)
def test_the_environment_says_which_proxy_leads_to_a_broker(
    environment: dict[str, str], broker: str, proxy: Proxy | None
) -> None:
    assert parse_proxies(None, environment).to(parse_broker(broker)) == proxy


def test_the_option_overrules_the_environment() -> None:
    proxies = parse_proxies("http://mine:1", ENVIRONMENT | {"NO_PROXY": "*"})

    for broker in ("mqtt://broker", "wss://broker", "mqtt://127.0.0.1"):
        assert proxies.to(parse_broker(broker)) == Proxy("mine", 1)


@pytest.mark.parametrize(
    "url", ["https://u:secret@proxy", "http://u:secret@proxy:x", "http://u:secret@", "", "a/b", 70 * "h"]
)
def test_a_proxy_that_makes_no_sense_is_named_without_its_password(url: str) -> None:
    with pytest.raises(UsageError, match="--proxy") as caught:
        parse_proxies(url, {})
    assert "secret" not in str(caught.value)


def test_neither_form_of_a_proxy_shows_the_password() -> None:
    proxies = parse_proxies("http://u:secret@proxy", {})

    assert "secret" not in f"{proxies} {proxies.tls}"


@pytest.mark.network
@pytest.mark.parametrize("scheme", ["mqtts", "wss"])
def test_a_connection_goes_through_a_proxy(scheme: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    async def scenario() -> None:
        certificate = authority.issue("broker", LOOPBACK)
        async with nats(tmp_path, Nats(certificate)) as server, ConnectProxy() as proxy:
            where = server.tcp if scheme == "mqtts" else server.web
            security, login = Security(authority.certificate), replace(proxy.place, username="ann", password="pass")
            client = MqttTransport(where, "a", security=security, proxy=login)
            await client.connect()
            client.subscribe("t")
            client.publish("t", b"heard")
            await Inbox(client).until_message("t", b"heard")
            await client.close()
            assert f"CONNECT {LOOPBACK}:{where.port} HTTP/1.1" in proxy.requests[0]
            assert "basic YW5uOnBhc3M=" in proxy.requests[0]  # RFC 7617: ann:pass in base64

    asyncio.run(asyncio.wait_for(scenario(), 30))


@pytest.mark.network
def test_a_proxy_that_refuses_is_named_with_its_reason() -> None:
    async def scenario() -> None:
        async with ConnectProxy("403 Forbidden") as proxy:
            refused = f"proxy {proxy.place} .* mqtt://broker.invalid:1883: 403: Forbidden$"
            with pytest.raises(ConnectionFailed, match=refused) as caught:
                await MqttTransport(BrokerAddress("broker.invalid", 1883), "a", proxy=proxy.place).connect()
            assert "\n" not in str(caught.value)

    asyncio.run(asyncio.wait_for(scenario(), 30))


@pytest.mark.network
def test_a_proxy_that_is_not_there_is_named() -> None:
    proxy = Proxy(LOOPBACK, free_port())

    client = MqttTransport(BrokerAddress("broker.invalid", 1883), "a", proxy=proxy)

    with pytest.raises(ConnectionFailed, match=f"the proxy {proxy} .* refused"):
        asyncio.run(asyncio.wait_for(client.connect(), 30))
