"""A device that finds that the federation has ended without it."""

from mfpt_edge.core.deadlines import OVER_SECONDS, next_deadline
from mfpt_edge.core.effects import Leave, Tell
from mfpt_edge.core.events import CoordinatorSeen, PlanReceived, Prepared
from mfpt_shared.protocol.messages import CoordinatorState
from support.edge_core import PLAN, Device


def finished(version: int) -> CoordinatorState:
    return CoordinatorState(state="offline", coordinator="c", version=version, started=1.0, epoch=5, finished=True)


def late(device: Device) -> Device:
    """Join after the end."""
    device.connects()
    device.feed(PlanReceived(device.now, PLAN), CoordinatorSeen(device.now, finished(3)))
    return device


def test_it_takes_the_last_prompt_and_leaves_once_it_is_prepared() -> None:
    device = late(Device())
    device.receives(3)
    device.passes(OVER_SECONDS)
    assert device.only(Tell) == [Tell("the federation has ended with version 3: this device leaves with that prompt")]
    assert device.only(Leave) == []
    device.feed(Prepared(device.now))
    assert device.only(Leave) == [Leave()]


def test_it_waits_a_moment_for_a_coordinator_that_goes_on_with_more_versions() -> None:
    device = late(Device())
    assert next_deadline(device.state) <= device.now + OVER_SECONDS
    device.passes(OVER_SECONDS - 1)
    device.sees(epoch=6, version=3)
    device.passes(100)
    device.feed(Prepared(device.now))
    assert not device.state.leaving


def test_it_does_not_begin_to_wait_anew_when_the_broker_says_the_same_again() -> None:
    device = late(Device())
    device.passes(OVER_SECONDS - 1)
    device.feed(CoordinatorSeen(device.now, finished(3)))
    device.passes(1)
    assert device.state.leaving


def test_updates_that_were_not_sent_stay_in_its_folder() -> None:
    device = late(Device(left_over=(7,)))
    device.passes(OVER_SECONDS)
    assert device.only(Tell)[0].text.endswith("leaves with that prompt; what was not sent stays here")
    assert device.state.outbox == (7,)


def test_a_coordinator_that_has_gone_without_having_finished_is_waited_for() -> None:
    device = Device().is_ready()
    device.sees("offline")
    device.passes(1000)
    assert not device.state.leaving
