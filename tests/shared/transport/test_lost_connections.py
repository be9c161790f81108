"""What a lost connection does to wills, messages and subscriptions, alike over every broker."""

import asyncio

import pytest

from mfpt_shared.transport.base import Connected, Disconnected, Will
from support.inbox import Inbox
from support.links import Link, Play, connected


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


@pytest.mark.slow
def test_nobody_waits_for_the_confirmation_of_what_needs_none(play: Play) -> None:
    """With QoS 0, what is published while the connection is down may be lost with it."""

    async def scenario(link: Link) -> None:
        client, own = await connected(link, "roaming")
        await link.cut(client)
        await own.until_event(Disconnected)
        client.publish("t", b"lost", qos=0)
        await link.mend(client)
        await own.until_event(Connected, count=2)
        client.publish("t", b"confirmed")

        assert await client.flush(10)

    play(scenario)
