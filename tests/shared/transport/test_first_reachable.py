"""Several ways to a broker: which one is taken, and what is said when none leads there."""

import asyncio
from pathlib import Path

import pytest

from mfpt_shared.errors import AuthenticationFailed, ConnectionFailed, MfptError, TimedOut, WrongCertificate
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.connection import Connection
from mfpt_shared.transport.first_reachable import FirstReachable
from mfpt_shared.transport.in_process import MemoryBroker, MemoryTransport
from support.brokers import free_port
from support.inbox import Inbox
from support.nats import Nats, nats


class Way:
    """A way to a broker in this process; with `error`, it does not lead there."""

    def __init__(self, broker: MemoryBroker, error: MfptError | None = None) -> None:
        self._broker = broker
        self._error = error
        self.tries = 0

    def __call__(self) -> MemoryTransport:
        self.tries += 1
        if self._error is None:
            return MemoryTransport(self._broker)
        return _Blocked(self._broker, self._error)


class _Blocked(MemoryTransport):
    def __init__(self, broker: MemoryBroker, error: MfptError) -> None:
        super().__init__(broker)
        self._error = error

    async def connect(self) -> None:
        raise self._error


@pytest.mark.parametrize("error", [ConnectionFailed("nobody there"), TimedOut("no answer")])
def test_the_next_way_is_taken_where_the_first_is_closed(error: MfptError) -> None:
    async def scenario() -> None:
        broker = MemoryBroker()
        ways = [Way(broker, error), Way(broker), Way(broker)]
        client = FirstReachable(ways)
        client.publish("early", b"1", retain=True)
        await client.connect()
        client.subscribe("#")
        client.publish("t", b"2")
        inbox = Inbox(client)
        await inbox.until_message("t", b"2")
        assert inbox.messages == [("early", b"1"), ("t", b"2")]
        assert [way.tries for way in ways] == [1, 1, 0]
        await client.close()
        assert broker.sessions == []

    asyncio.run(asyncio.wait_for(scenario(), 10))


@pytest.mark.parametrize("position", [0, 1])
def test_refused_credentials_end_the_attempt_at_once(position: int) -> None:
    broker = MemoryBroker()
    ways = [Way(broker, ConnectionFailed("nobody there")), Way(broker)]
    ways.insert(position, Way(broker, AuthenticationFailed("refused")))

    with pytest.raises(AuthenticationFailed, match="refused"):
        asyncio.run(FirstReachable(ways).connect())
    assert ways[-1].tries == 0


def test_a_wrong_certificate_at_the_address_that_was_asked_for_ends_the_attempt_at_once() -> None:
    broker = MemoryBroker()
    ways = [Way(broker, WrongCertificate("unknown CA")), Way(broker)]

    with pytest.raises(WrongCertificate):
        asyncio.run(FirstReachable(ways).connect())
    assert ways[1].tries == 0


def test_a_wrong_certificate_elsewhere_is_one_more_way_that_leads_nowhere() -> None:
    broker = MemoryBroker()
    ways = [
        Way(broker, TimedOut("no answer from mqtts://host")),
        Way(broker, WrongCertificate("a login page")),
        Way(broker, ConnectionFailed("nobody there")),
    ]

    with pytest.raises(TimedOut, match="no answer from mqtts://host; 2 other ways were tried in vain"):
        asyncio.run(FirstReachable(ways).connect())


def test_connecting_can_be_tried_again() -> None:
    async def scenario() -> None:
        broker = MemoryBroker()
        broker.running = False
        client = FirstReachable([Way(broker), Way(broker)])
        client.publish("t", b"early", retain=True)
        assert not await client.flush(0)
        with pytest.raises(ConnectionFailed, match="1 other way was"):
            await client.connect()
        broker.running = True
        await client.connect()
        assert await client.flush(0)
        assert broker.retained == {"t": b"early"}

    asyncio.run(asyncio.wait_for(scenario(), 10))


def test_subscriptions_are_made_and_taken_back_at_the_one_that_connects() -> None:
    async def scenario() -> None:
        broker = MemoryBroker()
        client = FirstReachable([Way(broker, ConnectionFailed("nobody there")), Way(broker)])
        client.unsubscribe("a")
        await client.connect()
        client.subscribe("a", "b", qos=0)
        client.unsubscribe("a")
        assert broker.sessions[0].filters == {"b"}

    asyncio.run(asyncio.wait_for(scenario(), 10))


@pytest.mark.network
def test_a_broker_is_found_on_the_port_of_the_web_where_the_other_is_closed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with nats(tmp_path, Nats()) as server:
            client = Connection((BrokerAddress("127.0.0.1", free_port()), server.web)).transport("a")
            await client.connect()
            client.subscribe("t")
            client.publish("t", b"heard")
            await Inbox(client).until_message("t", b"heard")
            assert await client.flush(10)
            await client.close()

    asyncio.run(asyncio.wait_for(scenario(), 30))
