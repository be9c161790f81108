"""What every transport does alike, over a broker in this process, the embedded nats-server, and Mosquitto."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

import pytest

from mfpt_shared.errors import AuthenticationFailed, ConnectionFailed, TimedOut
from mfpt_shared.transport import mqtt
from mfpt_shared.transport.base import Connected, Disconnected, Inbound, Transport, Will
from mfpt_shared.transport.in_process import MemoryBroker, MemoryTransport
from mfpt_shared.transport.mqtt import BrokerAddress, MqttTransport
from support.brokers import embedded, environment, free_port
from support.inbox import Inbox
from support.proxy import Proxy


class Link(Protocol):
    async def client(self, name: str, will: Will | None = None) -> Transport: ...

    async def cut(self, client: Transport) -> None: ...

    async def mend(self, client: Transport) -> None: ...


Play = Callable[[Callable[[Link], Awaitable[None]]], None]


async def connected(link: Link, name: str, *filters: str, will: Will | None = None) -> tuple[Transport, Inbox]:
    """Return a client that is connected and subscribed, with what it receives from now on."""
    client = await link.client(name, will)
    await client.connect()
    inbox = Inbox(client)
    await inbox.until_event(Connected)
    if filters:
        # Once its own message has come back, the subscriptions are known to hold.
        client.subscribe(*filters, f"ready/{name}")
        client.publish(f"ready/{name}", b"")
        await inbox.until(lambda: any(topic == f"ready/{name}" for topic, _ in inbox.messages))
        inbox.events.clear()
    return client, inbox


def test_the_first_event_is_connected(play: Play) -> None:
    async def scenario(link: Link) -> None:
        client = await link.client("a")
        await client.connect()

        assert (await asyncio.wait_for(client.receive(), 10))[0] == Connected()

    play(scenario)


def test_messages_arrive_in_the_order_they_were_published(play: Play) -> None:
    async def scenario(link: Link) -> None:
        sender, _ = await connected(link, "sender")
        _, inbox = await connected(link, "receiver", "t")
        for number in range(200):
            sender.publish("t", b"%d" % number)
        await inbox.until_message("t", b"199")

        assert inbox.payloads("t") == [b"%d" % number for number in range(200)]

    play(scenario)


def test_a_retained_message_reaches_those_who_come_later(play: Play) -> None:
    async def scenario(link: Link) -> None:
        sender, _ = await connected(link, "sender")
        sender.publish("kept", b"old", retain=True)
        sender.publish("kept", b"new", retain=True)
        assert await sender.flush(10)
        client = await link.client("late")
        await client.connect()
        client.subscribe("kept")
        inbox = Inbox(client)
        await inbox.until_message("kept", b"new")

        assert inbox.payloads("kept") == [b"new"]

    play(scenario)


def test_a_message_that_is_not_retained_does_not_reach_those_who_come_later(play: Play) -> None:
    async def scenario(link: Link) -> None:
        sender, _ = await connected(link, "sender")
        sender.publish("passing", b"missed")
        assert await sender.flush(10)
        _, inbox = await connected(link, "late", "passing")
        sender.publish("passing", b"seen")
        await inbox.until_message("passing", b"seen")

        assert inbox.payloads("passing") == [b"seen"]

    play(scenario)


def test_an_empty_retained_payload_removes_what_was_retained(play: Play) -> None:
    async def scenario(link: Link) -> None:
        sender, _ = await connected(link, "sender")
        sender.publish("gone", b"x", retain=True)
        sender.publish("gone", b"", retain=True)
        sender.publish("kept", b"y", retain=True)
        assert await sender.flush(10)
        _, inbox = await connected(link, "late", "+")
        sender.publish("gone", b"live")
        await inbox.until_message("gone", b"live")

        assert inbox.payloads("gone") == [b"live"]

    play(scenario)


def test_a_plus_stands_for_exactly_one_level(play: Play) -> None:
    async def scenario(link: Link) -> None:
        sender, _ = await connected(link, "sender")
        _, inbox = await connected(link, "receiver", "client/+/up")
        for topic in ("client/a/up", "client/up", "client/a/b/up", "client/a/down", "other/a/up", "client/b/up"):
            sender.publish(topic, b"")
        await inbox.until_message("client/b/up", b"")

        assert [topic for topic, _ in inbox.messages] == ["client/a/up", "client/b/up"]

    play(scenario)


def test_a_retained_message_reaches_a_wildcard_subscription(play: Play) -> None:
    async def scenario(link: Link) -> None:
        sender, _ = await connected(link, "sender")
        sender.publish("client/a/state", b"online", retain=True)
        assert await sender.flush(10)
        client = await link.client("late")
        await client.connect()
        client.subscribe("client/+/state", "client/+/up")

        await Inbox(client).until_message("client/a/state", b"online")

    play(scenario)


def test_the_will_is_published_when_a_connection_is_cut(play: Play) -> None:
    async def scenario(link: Link) -> None:
        _, inbox = await connected(link, "watcher", "state")
        client, _ = await connected(link, "vanishing", will=Will("state", b"offline"))
        client.publish("state", b"online", retain=True)
        await inbox.until_message("state", b"online")
        await link.cut(client)

        await inbox.until_message("state", b"offline")

    play(scenario)


def test_the_will_is_retained(play: Play) -> None:
    async def scenario(link: Link) -> None:
        _, inbox = await connected(link, "watcher", "state")
        client, _ = await connected(link, "vanishing", will=Will("state", b"offline"))
        await link.cut(client)
        await inbox.until_message("state", b"offline")
        late = await link.client("late")
        await late.connect()
        late.subscribe("state")

        await Inbox(late).until_message("state", b"offline")

    play(scenario)


def test_the_will_is_not_published_after_an_orderly_close(play: Play) -> None:
    async def scenario(link: Link) -> None:
        _, inbox = await connected(link, "watcher", "state", "end")
        client, _ = await connected(link, "polite", will=Will("state", b"offline"))
        await client.close()
        other, _ = await connected(link, "other")
        other.publish("end", b"")
        await inbox.until_message("end", b"")

        assert inbox.payloads("state") == []

    play(scenario)


def test_what_was_published_before_connecting_is_delivered(play: Play) -> None:
    async def scenario(link: Link) -> None:
        _, inbox = await connected(link, "receiver", "t")
        client = await link.client("early")
        client.publish("t", b"1")
        client.publish("t", b"2")
        await client.connect()
        await inbox.until_message("t", b"2")

        assert inbox.payloads("t") == [b"1", b"2"]

    play(scenario)


def test_what_was_published_while_the_connection_was_down_is_delivered_when_it_is_up_again(play: Play) -> None:
    async def scenario(link: Link) -> None:
        _, inbox = await connected(link, "receiver", "t")
        client, own = await connected(link, "roaming")
        await link.cut(client)
        await own.until_event(Disconnected)
        for number in range(3):
            client.publish("t", b"%d" % number)
        await link.mend(client)
        await own.until_event(Connected, count=2)
        await inbox.until_message("t", b"2")

        assert inbox.payloads("t") == [b"0", b"1", b"2"]

    play(scenario)


def test_a_client_that_comes_back_can_subscribe_again(play: Play) -> None:
    async def scenario(link: Link) -> None:
        sender, _ = await connected(link, "sender")
        client, inbox = await connected(link, "roaming", "t")
        await link.cut(client)
        await inbox.until_event(Disconnected)
        await link.mend(client)
        await inbox.until_event(Connected)
        client.subscribe("t")
        client.publish("t", b"mine")
        await inbox.until_message("t", b"mine")
        sender.publish("t", b"yours")

        await inbox.until_message("t", b"yours")

    play(scenario)


def test_a_payload_of_a_megabyte_arrives_whole(play: Play) -> None:
    async def scenario(link: Link) -> None:
        sender, _ = await connected(link, "sender")
        _, inbox = await connected(link, "receiver", "large")
        payload = bytes(range(256)) * 4096
        sender.publish("large", payload)

        await inbox.until_message("large", payload)

    play(scenario)


def test_receive_returns_everything_that_waits_at_once(play: Play) -> None:
    async def scenario(link: Link) -> None:
        client, inbox = await connected(link, "a", "t", "end")
        for number in range(50):
            client.publish("t", b"%d" % number)
        # The messages come while nobody asks for them: those of this client are back before the other's.
        other, others = await connected(link, "b", "t")
        client.publish("t", b"last")
        await others.until_message("t", b"last")
        await asyncio.wait_for(client.flush(10), 20)
        other.publish("end", b"")
        batches = [await asyncio.wait_for(client.receive(), 10)]
        while Inbound("end", b"") not in batches[-1]:
            batches.append(await asyncio.wait_for(client.receive(), 10))

        assert len(batches[0]) >= 50
        assert inbox.events == []

    play(scenario)


def test_flush_tells_that_everything_was_confirmed(play: Play) -> None:
    async def scenario(link: Link) -> None:
        client, _ = await connected(link, "a")
        for _ in range(100):
            client.publish("t", bytes(1000))

        assert await asyncio.wait_for(client.flush(10), 20)

    play(scenario)


def test_flush_gives_up_while_the_connection_is_down(play: Play) -> None:
    async def scenario(link: Link) -> None:
        client, own = await connected(link, "a")
        await link.cut(client)
        await own.until_event(Disconnected)
        client.publish("t", b"waits")

        assert not await asyncio.wait_for(client.flush(0.2), 10)

    play(scenario)


def test_close_does_not_wait_for_a_broker_that_is_away(play: Play) -> None:
    async def scenario(link: Link) -> None:
        client, own = await connected(link, "a")
        await link.cut(client)
        await own.until_event(Disconnected)

        await asyncio.wait_for(client.close(), 10)

    play(scenario)


# ---- connecting to what is not there


def test_no_broker_in_this_process_is_a_failed_connection() -> None:
    broker = MemoryBroker()
    broker.running = False

    with pytest.raises(ConnectionFailed):
        asyncio.run(MemoryTransport(broker).connect())


def test_nobody_on_the_port_is_a_failed_connection_that_names_the_address() -> None:
    address = BrokerAddress("127.0.0.1", free_port())

    with pytest.raises(ConnectionFailed, match=str(address.port)):
        asyncio.run(asyncio.wait_for(MqttTransport(address, "a").connect(), 10))


def test_an_unknown_host_is_a_failed_connection() -> None:
    with pytest.raises(ConnectionFailed, match="no-such-host"):
        asyncio.run(asyncio.wait_for(MqttTransport(BrokerAddress("no-such-host.invalid", 1883), "a").connect(), 30))


def test_connecting_can_be_tried_again_after_it_failed(tmp_path: Path) -> None:
    async def scenario() -> None:
        port = free_port()
        client = MqttTransport(BrokerAddress("127.0.0.1", port), "a")
        client.publish("t", b"early", retain=True)
        with pytest.raises(ConnectionFailed):
            await client.connect()
        async with embedded(tmp_path, port=port):
            await client.connect()
            client.subscribe("t")
            await Inbox(client).until_message("t", b"early")
            await client.close()

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_a_server_that_says_nothing_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt, "CONNECT_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = BrokerAddress("127.0.0.1", silent.getsockname()[1])
        began = time.monotonic()

        with pytest.raises(TimedOut, match="does not answer as an MQTT broker"):
            asyncio.run(asyncio.wait_for(MqttTransport(address, "a").connect(), 10))
        assert time.monotonic() - began < 5


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""], ids=["web server", "hangs up"])
def test_a_server_that_is_no_broker_is_an_error(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt, "CONNECT_SECONDS", 2.0)

    async def scenario() -> None:
        async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.write(answer)
            writer.close()

        server = await asyncio.start_server(reply, "127.0.0.1", 0)
        async with server:
            address = BrokerAddress("127.0.0.1", server.sockets[0].getsockname()[1])
            with pytest.raises((ConnectionFailed, TimedOut)):
                await MqttTransport(address, "a").connect()

    asyncio.run(asyncio.wait_for(scenario(), 20))


@pytest.mark.parametrize(
    "password",
    [
        "right",
        "12345",
        "true",
        "two words",
        "a;b,c",
        "{x}",
        "'single'",
        '"double"',
        "back\\slash",
        "$HOME",
        "a#b",
        "ä€",
    ],
)
def test_the_embedded_broker_takes_the_password_that_it_was_given(password: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path, environment(password=password)) as broker:
            assert broker.address.password == password
            client = MqttTransport(broker.address, "a")
            await client.connect()
            await Inbox(client).until_event(Connected)
            await client.close()

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_an_empty_password_is_no_password(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path, environment(password="")) as broker:
            client = MqttTransport(broker.address, "a")
            await client.connect()
            await client.close()

    asyncio.run(asyncio.wait_for(scenario(), 30))


@pytest.mark.parametrize(("user", "password"), [("mfpt", "wrong"), ("mfpt", None), (None, None)])
def test_wrong_credentials_are_refused_as_such(user: str | None, password: str | None, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path, environment(password="right")) as broker:
            address = BrokerAddress(broker.address.host, broker.address.port, username=user, password=password)
            with pytest.raises(AuthenticationFailed, match="MFPT_BROKER_PASSWORD") as caught:
                await MqttTransport(address, "a").connect()
            assert "right" not in str(caught.value)

    asyncio.run(asyncio.wait_for(scenario(), 30))


# ---- what only a socket can do


def test_flush_waits_for_the_newest_message_even_if_an_earlier_one_was_just_confirmed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path) as broker, Proxy(broker.address) as proxy:
            client = MqttTransport(proxy.address, "a")
            await client.connect()
            client.publish("t", b"confirmed")
            assert await client.flush(10)
            proxy.hold()
            client.publish("t", b"unconfirmed")

            assert not await client.flush(0.3)

            await proxy.mend()
            assert await client.flush(10)
            await client.close()

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_flush_is_not_fooled_by_a_confirmation_that_came_while_the_loop_was_busy(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path) as broker:
            client = MqttTransport(broker.address, "a")
            await client.connect()
            server = int((tmp_path / "nats.pid").read_text(encoding="ascii"))
            client.publish("t", b"confirmed while the loop is busy")
            time.sleep(0.3)  # the event loop is held up on purpose
            os.kill(server, signal.SIGSTOP)
            try:
                client.publish("t", b"unconfirmed")

                assert not await client.flush(0.5)
            finally:
                os.kill(server, signal.SIGCONT)
            assert await client.flush(10)
            await client.close()

    asyncio.run(asyncio.wait_for(scenario(), 30))
