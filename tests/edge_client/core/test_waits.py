"""What a device waits for, and since when."""

from mfpt_edge.core.events import (
    BrokerConnected,
    BrokerLost,
    ConditionsChanged,
    Event,
    NotSubscribed,
    PlanReceived,
    Prepared,
    ProgressSeen,
    Told,
)
from mfpt_edge.core.machine import step
from mfpt_edge.core.waits import ANSWER_SECONDS, MANY_CUTS, MOMENT_SECONDS, Facts, Kind, is_unheard, noted
from mfpt_shared.protocol.messages import Ack, Assign, Progress
from support.edge_core import PLAN, Device

ROOM = Progress(version=0, updates=0, needed=2, training=1, places=9)


class Watched(Device):
    """A device's core, and what is known of its wait."""

    def __init__(self, left_over: tuple[int, ...] = (), rounds: int | None = None, leave_after: float = 0.0) -> None:
        super().__init__(left_over, rounds, leave_after)
        self.facts = Facts()

    def feed(self, *events: Event) -> None:
        self.effects = []
        for event in events:
            self.state, effects = step(self.state, event)
            self.facts = noted(self.facts, event, self.state)
            self.effects += effects

    def progresses(self, progress: Progress) -> None:
        self.feed(ProgressSeen(self.now, progress))

    def waits_for(self) -> Kind | None:
        return self.facts.kind

    @property
    def is_unheard(self) -> bool:
        return is_unheard(self.facts, self.now)


def ready() -> Watched:
    device = Watched()
    device.is_ready()
    return device


def test_each_thing_that_a_device_waits_for_has_a_name() -> None:
    device = Watched(rounds=1, leave_after=60)
    device.feed(BrokerLost(device.now))
    assert device.waits_for() == "broker"
    device.connects()
    assert device.waits_for() == "plan"
    device.feed(PlanReceived(device.now, PLAN))
    assert device.waits_for() == "preparing"
    device.feed(Prepared(device.now))
    assert device.waits_for() == "coordinator"
    device.sees()
    assert device.waits_for() == "turn"
    device.assigned(1)
    assert device.waits_for() == "prompt"
    device.receives(1)
    assert device.waits_for() is None
    device.trained(1)
    assert device.waits_for() == "answer"
    device.acknowledged(1)
    assert device.waits_for() == "listening"
    device.passes(60)
    assert device.waits_for() == "last prompt"


def test_a_wait_begins_when_its_thing_is_missing_and_not_when_it_is_looked_for_again() -> None:
    device = ready()
    began = device.now
    device.passes(100)
    device.sees("offline")
    assert device.facts.since == device.now > began
    lost = device.now
    device.passes(500)
    device.sees("offline")
    assert (device.waits_for(), device.facts.since) == ("coordinator", lost)


def test_a_training_that_goes_on_without_a_broker_is_a_wait_for_it() -> None:
    device = Watched()
    device.in_training()
    assert device.waits_for() is None
    device.loses_the_broker()
    assert (device.waits_for(), device.state.phase) == ("broker", "training")


def test_refused_subscriptions_are_named_until_an_order_comes() -> None:
    device = ready()
    device.feed(NotSubscribed(device.now, ("a/plan",)), NotSubscribed(device.now, ("a/plan", "a/down")))
    assert (device.waits_for(), device.facts.refused) == ("rights", ("a/plan", "a/down"))
    device.assigned(0)
    assert device.facts.refused == ()


def test_a_broker_that_ends_every_connection_after_a_moment_is_known_by_that() -> None:
    device = Watched()
    for _ in range(MANY_CUTS):
        device.feed(BrokerConnected(device.now))
        assert device.waits_for() == "plan"
        device.now += MOMENT_SECONDS / 2
        device.feed(BrokerLost(device.now), BrokerLost(device.now))
    assert device.waits_for() == "long messages"
    device.connects()
    assert device.waits_for() == "long messages"
    device.passes(MOMENT_SECONDS)
    assert device.waits_for() == "plan"


def test_attempts_to_reconnect_that_fail_are_no_connections_that_were_ended() -> None:
    device = Watched()
    device.connects()
    for _ in range(2 * MANY_CUTS):
        device.feed(BrokerLost(device.now))
    assert device.waits_for() == "broker"


def test_a_device_without_an_answer_although_there_is_a_place_is_unheard_after_a_while() -> None:
    device = ready()
    device.progresses(ROOM)
    device.now += ANSWER_SECONDS - 1
    assert not device.is_unheard
    device.now += 1
    assert device.is_unheard


def test_a_device_is_not_unheard_where_there_is_no_place_or_it_has_been_answered_or_its_language_is_new() -> None:
    for progress in (
        Progress(training=9, places=9),
        Progress(training=1, places=9, joining=("swh",)),
        Progress(training=1, places=9, updates=1, needed=2),
    ):
        device = ready()
        device.progresses(progress)
        device.now += 10 * ANSWER_SECONDS
        assert not device.is_unheard
    answered = ready()
    answered.feed(Told(answered.now, Ack(sequence=1)))
    answered.progresses(ROOM)
    answered.now += 10 * ANSWER_SECONDS
    assert not answered.is_unheard


def test_a_device_that_is_passed_over_when_a_version_comes_is_unheard() -> None:
    device = ready()
    for version, seconds in ((0, 100.0), (1, ANSWER_SECONDS)):
        assert not device.is_unheard
        device.progresses(Progress(version=version, training=1, places=9, updates=1, needed=2))
        device.passes(seconds)
    assert device.is_unheard


def test_what_was_heard_over_a_connection_ends_with_it() -> None:
    device = ready()
    device.feed(Told(device.now, Assign(version=5, deadline=60.0)))
    device.progresses(ROOM)
    device.loses_the_broker()
    device.connects()
    assert device.facts == Facts(kind="coordinator", since=device.now, is_up=True, connected_at=device.now, cuts=1)


def test_a_device_that_leaves_measures_what_it_leaves_with() -> None:
    device = Watched(rounds=1)
    device.in_training()
    device.trained(1)
    device.acknowledged(1)
    device.receives(1)
    assert device.state.ended
    assert device.waits_for() == "measuring"


def test_a_device_that_may_not_train_waits_for_that_and_for_an_answer_first() -> None:
    device = ready()
    device.feed(ConditionsChanged(device.now, "its owner has paused it"))
    assert device.waits_for() == "conditions"
    device.feed(ConditionsChanged(device.now, ""))
    assert device.waits_for() == "turn"
    device.assigned(0)
    device.feed(ConditionsChanged(device.now, "its owner has paused it"))
    device.trained(1)
    assert device.waits_for() == "answer"
