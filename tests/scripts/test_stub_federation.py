"""Stub devices: what a disturbed transport may do to messages, and what a witness sees."""

import asyncio
import random

from mfpt_shared.transport.base import Connected
from mfpt_shared.transport.in_process import MemoryBroker, MemoryTransport
from stub_federation.disturbed import DisturbedTransport
from stub_federation.packets import PUBLISH, Packet, Reader, publish, read_publish
from stub_federation.reports import AnyReport, Disturbed
from support.inbox import Inbox

NUMBERS = [b"%d" % number for number in range(40)]


def test_disturbed_messages_come_all_the_same() -> None:
    """In another order, and some of them more than once."""

    async def scenario() -> list[bytes]:
        broker, told = MemoryBroker(), list[AnyReport]()
        sender, receiver = MemoryTransport(broker), MemoryTransport(broker)
        disturbed = DisturbedTransport(sender, random.Random(1), 0.5, told.append)
        await disturbed.connect()
        await receiver.connect()
        receiver.subscribe("t")
        inbox = Inbox(receiver)
        for number in NUMBERS:
            disturbed.publish("t", number)
        assert await disturbed.flush(1.0)
        await disturbed.close()
        await inbox.until(lambda: {*NUMBERS} <= {*inbox.payloads("t")})
        assert {report.how for report in told if isinstance(report, Disturbed)} == {
            "duplicated", "delayed", "reordered",
        }  # fmt: skip
        return inbox.payloads("t")

    came = asyncio.run(scenario())

    assert len(came) > len(NUMBERS)
    assert came != sorted(came, key=NUMBERS.index)


def test_news_of_the_connection_is_not_disturbed() -> None:
    async def scenario() -> None:
        disturbed = DisturbedTransport(MemoryTransport(MemoryBroker()), random.Random(1), 1.0, lambda _: None)
        await disturbed.connect()
        assert await disturbed.receive() == [Connected()]
        await disturbed.close()

    asyncio.run(scenario())


def test_packets_are_found_however_the_bytes_come() -> None:
    sent = [("a", b"", 0), ("b/c", b"x" * 300, 7)]
    stream = b"".join(publish(topic, payload, number) for topic, payload, number in sent)
    reader, found = Reader(), list[Packet]()
    for place in range(len(stream)):
        found += reader.feed(stream[place : place + 1])

    assert [packet.kind for packet in found] == [PUBLISH, PUBLISH]
    assert [tuple(read_publish(packet)) for packet in found] == sent
