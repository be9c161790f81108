"""What a device tells about itself: to the person before it, and to everybody through the broker."""

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mfpt_edge.commands.display import phase_in_words
from mfpt_edge.core.events import BrokerConnected, BrokerLost, CoordinatorSeen, RelationsSeen, TimePassed, Told
from mfpt_edge.core.state import State
from mfpt_edge.core.wait_words import Place
from mfpt_edge.session.channel import Channel
from mfpt_edge.session.course import CourseKeeper
from mfpt_edge.session.snapshot import Snapshot
from mfpt_edge.session.standing import Standing
from mfpt_edge.session.status_publisher import STATE_SECONDS, StatusPublisher
from mfpt_edge.storage.curve import CurvePoint
from mfpt_shared.device.rounds import Personal, Round
from mfpt_shared.device.trainer import Measured
from mfpt_shared.protocol.codec import understand
from mfpt_shared.protocol.messages import Ack, ClientState, CoordinatorState, LanguageRelations
from mfpt_shared.protocol.topics import CLIENT_STATE
from mfpt_shared.transport.in_process import MemoryBroker, MemoryTransport
from support.session import EPOCH, FEDERATION, IDENTITY, SESSION, SWAHILI, THE_PLAN


class Desk:
    """A publisher whose clock the test moves, what it showed, and what the broker keeps of it."""

    def __init__(
        self, transport: MemoryTransport, broker: MemoryBroker, folder: Path, rounds: int | None = None
    ) -> None:
        self.now = 100.0
        self.shown: list[Snapshot] = []
        self.state = State(SWAHILI, rounds_wanted=rounds, plan=THE_PLAN, coordinator=EPOCH)
        standing = Standing(Place(FEDERATION, IDENTITY.client), self.state, lambda: self.now)
        course = CourseKeeper(folder, lambda: self.now)
        self.channel = Channel(transport, FEDERATION, SESSION)
        self.status = StatusPublisher(self.channel, self.state, lambda: self.now, self.shown.append, standing, course)
        self._broker = broker

    def connects(self) -> None:
        self.state = replace(self.state, connected=True)
        self.status.follow(BrokerConnected(self.now), self.state)

    def is_in(self, state: State) -> None:
        self.state = state
        self.status.follow(TimePassed(self.now), state)

    @property
    def published(self) -> ClientState | None:
        path = CLIENT_STATE.path(FEDERATION, IDENTITY.client)
        received = understand(path, self._broker.retained.get(path, b""), FEDERATION)
        if received is None:
            return None
        assert isinstance(received.message, ClientState)
        return received.message


def at_a_desk(scenario: Callable[[Desk], None], rounds: int | None = None) -> None:
    async def play() -> None:
        broker = MemoryBroker()
        transport = MemoryTransport(broker)
        await transport.connect()
        with tempfile.TemporaryDirectory() as folder:
            scenario(Desk(transport, broker, Path(folder), rounds))

    asyncio.run(play())


def test_the_state_is_published_at_once_where_that_is_urgent() -> None:
    def scenario(desk: Desk) -> None:
        desk.connects()
        for phase in ("idle", "training"):
            desk.is_in(replace(desk.state, phase=phase))
            desk.status.publish(at_once=True)
            assert desk.published is not None
            assert desk.published.phase == phase

    at_a_desk(scenario)


def test_other_changes_wait_until_people_can_have_read_the_last() -> None:
    def scenario(desk: Desk) -> None:
        desk.connects()
        desk.is_in(replace(desk.state, phase="training"))
        desk.status.publish(at_once=True)
        desk.status.progressed(0.5, 1.0)
        assert desk.published is not None
        assert desk.published.progress == 0.0
        assert desk.status.next_deadline() == desk.now + STATE_SECONDS
        desk.now += STATE_SECONDS
        desk.status.publish_if_due()
        assert desk.published.progress == 0.5
        assert desk.status.next_deadline() == float("inf")

    at_a_desk(scenario)


def test_nothing_is_published_without_a_connection() -> None:
    def scenario(desk: Desk) -> None:
        desk.status.publish(at_once=True)
        desk.status.say_goodbye()
        assert desk.published is None
        assert desk.status.next_deadline() == float("inf")

    at_a_desk(scenario)


def test_a_device_that_leaves_is_offline_and_done() -> None:
    def scenario(desk: Desk) -> None:
        desk.connects()
        desk.status.prepared("stub", 12)
        desk.status.say_goodbye()
        said = ClientState(state="offline", language=SWAHILI, phase="done", device="stub", session=1, number=1)
        assert desk.published == said
        assert desk.shown[-1].bytes_up == desk.channel.bytes_up > 0, "the goodbye counts"

    at_a_desk(scenario)


def test_the_snapshot_says_whether_broker_and_coordinator_are_there() -> None:
    def scenario(desk: Desk) -> None:
        here = CoordinatorState(state="online", coordinator="c", version=0, started=1.0)
        gone = CoordinatorState(state="offline", coordinator="c", version=0, started=1.0)
        for event in (BrokerConnected(0), CoordinatorSeen(0, gone), CoordinatorSeen(0, here), BrokerLost(0)):
            desk.status.follow(event, desk.state)
        assert [snapshot.link for snapshot in desk.shown] == [
            "connected", "no coordinator", "connected", "reconnecting",
        ]  # fmt: skip

    at_a_desk(scenario)


def test_the_snapshot_counts_rounds_and_what_they_measured() -> None:
    used = Personal(0, {}, 0.0, Measured(0.0, 0.0, 0))

    def scenario(desk: Desk) -> None:
        desk.status.trained(Round(1, 0, 0.7, None, epochs=1, personal=used, on_all=False))
        desk.status.trained(Round(2, 1, 0.6, 0.5, epochs=1, personal=used))
        desk.status.follow(Told(desk.now, Ack(sequence=2, staleness=3)), replace(desk.state, rounds=2, version=4))
        seen = desk.status.snapshot
        assert (seen.losses, seen.held_rounds, seen.accuracies) == ((0.7, 0.6), 1, (0.5,))
        assert (seen.rounds, seen.version, seen.staleness) == (2, 4, 3)

    at_a_desk(scenario)


def test_the_snapshot_says_from_whom_the_language_learns_and_how_the_device_has_done() -> None:
    def scenario(desk: Desk) -> None:
        desk.status.prepared("stub", 12)
        said = LanguageRelations(language=SWAHILI, version=3, helped_by={"zul": 0.25}, accuracy=0.5)
        desk.status.follow(RelationsSeen(desk.now, said), desk.state)
        desk.status.uses(Personal(3, {}, 0.2, Measured(0.75, 0.6, 8)))
        seen = desk.shown[-1]
        assert (seen.examples, seen.own_share, seen.helped_by) == (12, 0.2, {"zul": 0.25})
        assert seen.curve == (CurvePoint(at=100.0, version=3, federated=0.75, share=0.2, language=0.5),)

    at_a_desk(scenario)


def test_what_is_said_of_another_language_is_not_shown() -> None:
    def scenario(desk: Desk) -> None:
        said = LanguageRelations(language="zul", version=3, helped_by={"zul": 1.0})
        desk.status.follow(RelationsSeen(desk.now, said), desk.state)
        assert desk.status.snapshot.helped_by == {}

    at_a_desk(scenario)


def test_the_snapshot_says_that_a_device_without_more_rounds_listens_until_it_leaves() -> None:
    def scenario(desk: Desk) -> None:
        for state in (desk.state, replace(desk.state, phase="done"), replace(desk.state, phase="done", ended=True)):
            desk.is_in(state)
        assert [(seen.phase, seen.listens) for seen in desk.shown] == [
            ("preparing", False), ("done", True), ("done", False),
        ]  # fmt: skip
        assert [phase_in_words(seen) for seen in desk.shown[1:]] == ["done, listening for the last prompt", "done"]

    at_a_desk(scenario)


def test_the_time_left_is_estimated_from_the_rounds_that_are_done() -> None:
    def scenario(desk: Desk) -> None:
        desk.status.prepared("stub", 12)
        desk.is_in(desk.state)
        assert desk.status.snapshot.seconds_left is None
        desk.now += 60
        desk.is_in(replace(desk.state, rounds=2))
        assert desk.status.snapshot.seconds_left == 90

    at_a_desk(scenario, rounds=5)
