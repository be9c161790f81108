"""Subscriptions that are made anew, with another quality of service, and taken back, alike over every broker."""

from support.inbox import Inbox
from support.links import Link, Play, connected


def test_what_is_retained_comes_with_qos_0_and_again_with_each_subscription(play: Play) -> None:
    async def scenario(link: Link) -> None:
        sender, _ = await connected(link, "sender")
        sender.publish("kept", b"old", retain=True)
        assert await sender.flush(10)
        client = await link.client("asking")
        await client.connect()
        inbox = Inbox(client)
        client.subscribe("kept", qos=0)
        await inbox.until_message("kept", b"old")
        sender.publish("kept", b"new", retain=True)
        await inbox.until_message("kept", b"new")
        assert await sender.flush(10)
        client.subscribe("kept", qos=0)
        await inbox.until(lambda: len(inbox.payloads("kept")) == 3)

        assert inbox.payloads("kept") == [b"old", b"new", b"new"]

    play(scenario)


def test_a_subscription_that_is_taken_back_brings_nothing_more(play: Play) -> None:
    async def scenario(link: Link) -> None:
        client, inbox = await connected(link, "changing", "end")
        client.subscribe("t", qos=0)
        client.publish("t", b"heard")
        await inbox.until_message("t", b"heard")
        client.unsubscribe("t")
        client.publish("t", b"missed")
        client.publish("end", b"")
        await inbox.until_message("end", b"")

        assert inbox.payloads("t") == [b"heard"]

    play(scenario)
