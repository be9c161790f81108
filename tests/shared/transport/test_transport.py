"""How messages travel, alike over a broker in this process, the embedded nats-server, and Mosquitto."""

import asyncio

from mfpt_shared.transport.base import Connected, Inbound
from support.inbox import Inbox
from support.links import Link, Play, connected


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
