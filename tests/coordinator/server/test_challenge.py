"""A coordinator that starts asks whether another one is there, and believes answers, not what the broker keeps."""

import asyncio
from typing import Literal

import pytest

from mfpt_coord.server import challenge
from mfpt_coord.server.challenge import MOST_CHALLENGES, Inquiry, ensure_alone
from mfpt_coord.server.channel import CoordinatorIdentity
from mfpt_shared.errors import InUse
from mfpt_shared.keys import fingerprint
from mfpt_shared.protocol.codec import understand
from mfpt_shared.protocol.messages import Challenge, ChallengeAnswer, CoordinatorState
from mfpt_shared.protocol.topics import COORDINATOR_ANSWER, COORDINATOR_CHALLENGE, COORDINATOR_STATE
from mfpt_shared.transport.base import QOS, Connected, Inbound, Qos, SubscriptionRefused
from mfpt_shared.transport.in_process import MemoryBroker, MemoryTransport
from support.sealing import inbound, key_of

IDENTITY = CoordinatorIdentity("c0", started=5.0, epoch=3, key=key_of("coordinator"))


class Other:
    """Another coordinator, or what it left at the broker."""

    def __init__(
        self, broker: MemoryBroker | None = None, *, key: str = "other", answers_with: str | None = None
    ) -> None:
        """Answer challenges with a key; None: nobody is there to answer."""
        self.broker = broker or MemoryBroker()
        self.listens = asyncio.Event()
        self.is_asked = asyncio.Event()
        self._key = key
        self._answers_with = answers_with
        self._transport = MemoryTransport(self.broker)

    def says(self, state: Literal["online", "offline"], at: float = 2.0) -> "Other":
        """Let the broker keep this as its state, said at a time; its last will is of the time of its start, 1.0."""
        message = CoordinatorState(state=state, coordinator="c1", started=1.0, epoch=9, at=at)
        said = inbound(COORDINATOR_STATE, "", message, self._key)
        self.broker.deliver(said.topic, said.payload, retain=True)
        return self

    async def listen(self) -> None:
        await self._transport.connect()
        self._transport.subscribe(COORDINATOR_CHALLENGE.path("test"))
        self.listens.set()
        while True:
            for event in await self._transport.receive():
                if isinstance(event, Inbound):
                    self._hear(event)

    def _hear(self, event: Inbound) -> None:
        received = understand(event.topic, event.payload, "test")
        assert received is not None
        assert isinstance(received.message, Challenge)
        self.is_asked.set()
        if self._answers_with is not None:
            answer = ChallengeAnswer(coordinator="c1", nonce=received.message.nonce, epoch=9)
            said = inbound(COORDINATOR_ANSWER, "", answer, self._answers_with)
            self.broker.deliver(said.topic, said.payload, retain=False)


def start_beside(other: Other, kind: type[MemoryTransport] = MemoryTransport) -> MemoryBroker:
    """Let a coordinator look whether it may start; it fails if it takes more than 5 s."""

    async def scenario() -> None:
        listening = asyncio.create_task(other.listen())
        try:
            transport = kind(other.broker)
            await transport.connect()
            await asyncio.wait_for(ensure_alone(transport, "test", IDENTITY, lambda: 9.0), 5)
            assert transport not in other.broker.sessions, "it disconnects"
        finally:
            listening.cancel()

    asyncio.run(scenario())
    return other.broker


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for an answer waits for ever."""
    monkeypatch.setattr(challenge, "ANSWER_SECONDS", 3600.0)


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for an answer waits a moment."""
    monkeypatch.setattr(challenge, "ANSWER_SECONDS", 0.05)


@pytest.mark.usefixtures("endless")
def test_a_coordinator_starts_at_once_where_nobody_served() -> None:
    start_beside(Other())


@pytest.mark.usefixtures("endless")
def test_a_coordinator_starts_at_once_after_another_that_ended_in_order() -> None:
    start_beside(Other().says("offline"))


@pytest.mark.usefixtures("endless")
def test_a_coordinator_starts_at_once_where_it_was_itself_online() -> None:
    start_beside(Other(key="coordinator").says("online"))


@pytest.mark.usefixtures("endless")
def test_a_coordinator_refuses_to_start_beside_another_that_answers() -> None:
    with pytest.raises(InUse) as refused:
        start_beside(Other(answers_with="other").says("online"))
    message = str(refused.value)
    assert f"coordinator c1 (key {fingerprint(key_of('other').public)}) serves federation test" in message
    assert "stop it first, or give" in message
    assert "\n" not in message


@pytest.mark.usefixtures("endless")
def test_one_that_only_lost_the_broker_for_a_moment_is_asked_as_well() -> None:
    with pytest.raises(InUse):
        start_beside(Other(answers_with="other").says("offline", at=1.0))


@pytest.mark.usefixtures("endless")
def test_a_coordinator_refuses_to_start_where_somebody_takes_its_place_at_the_broker() -> None:
    other = Other().says("offline", at=1.0)

    async def scenario() -> None:
        transport = MemoryTransport(other.broker)
        await transport.connect()
        listening = asyncio.create_task(other.listen())
        await other.listens.wait()
        starting = asyncio.create_task(ensure_alone(transport, "test", IDENTITY, lambda: 9.0))
        await other.is_asked.wait()
        other.broker.drop(transport)
        with pytest.raises(InUse, match="logs in as the same user"):
            await starting
        listening.cancel()

    asyncio.run(asyncio.wait_for(scenario(), 5))


@pytest.mark.usefixtures("brief")
def test_a_coordinator_starts_after_a_while_where_nobody_answers() -> None:
    start_beside(Other().says("online"))


@pytest.mark.usefixtures("brief")
def test_an_answer_of_another_key_than_the_state_s_counts_for_nothing() -> None:
    start_beside(Other(answers_with="stranger").says("online"))


@pytest.mark.usefixtures("brief")
def test_nothing_but_challenges_is_published_before_a_coordinator_starts() -> None:
    other = Other().says("online")
    before = dict(other.broker.retained)
    assert start_beside(other).retained == before
    assert other.is_asked.is_set()


@pytest.mark.usefixtures("endless")
def test_one_that_comes_online_while_another_is_waited_for_is_asked_as_well() -> None:
    gone = Other().says("online")
    late = Other(gone.broker, key="late", answers_with="late")

    async def scenario() -> None:
        listening = [asyncio.create_task(gone.listen())]
        transport = MemoryTransport(gone.broker)
        await transport.connect()
        starting = asyncio.create_task(ensure_alone(transport, "test", IDENTITY, lambda: 9.0))
        await gone.is_asked.wait()
        # It has missed the first challenges: it listens from here on.
        listening.append(asyncio.create_task(late.listen()))
        await late.listens.wait()
        late.says("online")
        with pytest.raises(InUse):
            await starting
        for task in listening:
            task.cancel()

    asyncio.run(asyncio.wait_for(scenario(), 5))


def test_nobody_keeps_a_coordinator_from_starting_by_ever_new_keys() -> None:
    transport = MemoryTransport(MemoryBroker())
    inquiry = Inquiry(transport, "test", IDENTITY, lambda: 9.0)
    message = CoordinatorState(state="online", coordinator="c1", started=1.0, epoch=9, at=2.0)
    strangers = (inbound(COORDINATOR_STATE, "", message, f"stranger {number}") for number in range(100))
    assert inquiry.has_asked(Connected())
    assert 1 + sum(map(inquiry.has_asked, strangers)) == MOST_CHALLENGES


class MayReadStateAlone(MemoryTransport):
    """A user that the broker treats as it treats devices."""

    def subscribe(self, *filters: str, qos: Qos = QOS) -> None:
        """See Transport.subscribe."""
        for wanted in filters:
            if wanted == COORDINATOR_STATE.path("test"):
                super().subscribe(wanted, qos=qos)
            else:
                self.put(SubscriptionRefused((wanted,)))


@pytest.mark.usefixtures("brief")
def test_a_coordinator_that_may_not_ask_whether_another_is_there_refuses_to_start() -> None:
    with pytest.raises(InUse, match=r"cannot be asked.*broker-config other"):
        start_beside(Other().says("online"), MayReadStateAlone)
