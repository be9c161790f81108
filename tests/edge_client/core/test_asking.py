"""Which prompts a device asks for: the one that it is about to use, and no other."""

from mfpt_edge.core.asking import ASK_AGAIN_SECONDS, SECOND_LOOK_SECONDS
from mfpt_edge.core.deadlines import RESUBSCRIBE_SECONDS, next_deadline
from mfpt_edge.core.effects import AskForPrompt, KeepPrompt, SendReady, StopAsking, Subscribe, Train
from mfpt_edge.core.events import NotSubscribed, PlanReceived
from support.edge_core import PLAN, Device, prompt_of


def trained_once() -> Device:
    """Return a device whose update from version 0 has been acknowledged."""
    device = Device().in_training()
    device.trained(1)
    device.acknowledged(1)
    return device


def test_a_device_asks_for_its_first_prompt_when_it_knows_the_plan_and_then_for_no_other() -> None:
    device = Device()
    device.connects()
    assert device.only(AskForPrompt) == []
    device.feed(PlanReceived(device.now, PLAN))
    assert device.only(AskForPrompt) == [AskForPrompt()]
    device.receives(0)
    assert device.effects == [KeepPrompt(prompt_of(0)), StopAsking()]


def test_a_device_asks_for_no_version_that_it_is_not_assigned() -> None:
    device = trained_once()
    for version in (1, 2, 3):
        device.sees(version=version)
        assert device.effects == []
    device.assigned(3)
    assert device.effects == [AskForPrompt()]
    device.receives(3)
    assert device.only(Train) == [Train(2)]
    assert device.only(StopAsking) == [StopAsking()]


def test_a_version_that_the_device_holds_is_not_asked_for() -> None:
    device = Device().is_ready()
    device.assigned(0)
    assert device.only(Train) == [Train(1)]
    assert device.only(AskForPrompt) == []


def test_a_second_assignment_from_the_same_version_waits_until_the_next_one_is_published() -> None:
    device = trained_once()
    device.assigned(0)
    assert device.effects == []
    device.sees(version=1)
    assert device.effects == [AskForPrompt()]
    device.receives(1)
    assert device.only(Train) == [Train(2)]


def test_a_device_that_is_answered_with_an_older_version_looks_a_second_time_soon() -> None:
    device = trained_once()
    device.assigned(2)
    device.receives(1)
    assert device.only(StopAsking) == []
    assert next_deadline(device.state) == device.now + SECOND_LOOK_SECONDS
    device.passes(SECOND_LOOK_SECONDS)
    assert device.only(AskForPrompt) == [AskForPrompt()]
    device.receives(2)
    assert device.only(Train) == [Train(2)]


def test_a_prompt_that_does_not_come_is_asked_for_again_each_time_later() -> None:
    """A large prompt may take its time on a slow line, and asking sends it once more."""
    device = trained_once()
    device.assigned(1)
    for seconds in (ASK_AGAIN_SECONDS, 2 * ASK_AGAIN_SECONDS, 4 * ASK_AGAIN_SECONDS):
        device.passes(seconds - 1)
        assert device.only(AskForPrompt) == []
        device.passes(1)
        assert device.only(AskForPrompt) == [AskForPrompt()]


def test_a_connection_that_is_lost_ends_the_asking_and_the_next_assignment_begins_it_anew() -> None:
    device = trained_once()
    device.assigned(1)
    device.loses_the_broker()
    device.connects()
    assert device.effects[:1] == [Subscribe()]
    assert device.only(AskForPrompt) == []
    device.sees(version=1)
    device.assigned(1)
    assert device.only(AskForPrompt) == [AskForPrompt()]


def test_a_device_that_lost_the_connection_before_its_first_prompt_asks_again() -> None:
    device = Device()
    device.connects()
    device.feed(PlanReceived(device.now, PLAN))
    device.loses_the_broker()
    device.connects()
    assert device.only(AskForPrompt) == [AskForPrompt()]


def test_what_an_earlier_run_of_the_coordinator_published_is_not_trained_from_without_another_look() -> None:
    """Its database may have been restored, and a version of the same number be another prompt."""
    device = Device().is_ready()
    device.receives(7)
    device.sees(epoch=6, version=7)
    device.assigned(7)
    assert device.effects == [AskForPrompt()]
    device.receives(prompt_of(7, epoch=6))
    assert device.only(Train) == [Train(1)]


def test_a_device_that_hears_that_no_coordinator_is_there_looks_again() -> None:
    """A coordinator may have said that it is online just as the device subscribed."""
    device = Device()
    device.connects()
    device.feed(PlanReceived(device.now, PLAN))
    device.receives(0)
    device.sees("offline")
    for seconds in (RESUBSCRIBE_SECONDS, 2 * RESUBSCRIBE_SECONDS):
        device.passes(seconds)
        assert device.only(Subscribe) == [Subscribe()]
    device.sees("online")
    device.passes(3600)
    assert device.only(Subscribe) == []


def test_a_device_that_was_refused_a_subscription_tries_again_until_an_order_comes() -> None:
    """Brokers have limits, and others leave: without its orders, a device would stand still for good."""
    device = Device().is_ready()
    device.feed(NotSubscribed(device.now))
    for seconds in (RESUBSCRIBE_SECONDS, 2 * RESUBSCRIBE_SECONDS):
        device.passes(seconds)
        assert device.effects == [Subscribe(), SendReady()]
    device.assigned(0)
    device.passes(3600)
    assert device.only(Subscribe) == []
