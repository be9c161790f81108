"""A device that has made its rounds, and listens for what the others still make."""

from mfpt_edge.core.deadlines import next_deadline
from mfpt_edge.core.effects import AskForPrompt, Leave, SendReady, Tell, Train
from mfpt_shared.protocol.messages import Stop
from support.edge_core import Device

MINUTES = 15 * 60.0


def done(leave_after: float = MINUTES) -> Device:
    """Return a device that holds its last update, in version 1."""
    device = Device(rounds=1, leave_after=leave_after).in_training()
    device.trained(1)
    device.acknowledged(1)
    device.receives(1)
    return device


def test_it_stays_and_says_so() -> None:
    device = Device(rounds=1, leave_after=MINUTES).in_training()
    device.trained(1)
    device.acknowledged(1)
    (told,) = device.only(Tell)
    assert told.text.startswith("1 round is done; listening for what the others still make, 15 min at most")
    device.receives(1)
    assert device.only(Leave) == []
    assert device.state.phase == "done"


def test_it_says_how_few_seconds_it_stays() -> None:
    device = Device(rounds=1, leave_after=15.0).in_training()
    device.trained(1)
    device.acknowledged(1)
    (told,) = device.only(Tell)
    assert ", 15 s at most" in told.text


def test_it_asks_for_no_version_that_others_make_while_it_listens() -> None:
    device = done()
    for version in (2, 3, 4):
        device.sees(version=version)
        assert device.effects == []


def test_it_trains_no_more() -> None:
    device = done()
    device.assigned(1)
    device.passes(120)
    assert not device.only(Train)
    assert not device.only(SendReady)


def test_once_nobody_trains_any_more_it_asks_for_the_last_version_and_leaves_with_it() -> None:
    device = done()
    device.sees(version=7)
    device.told(Stop(reason="finished", version=7))
    assert device.only(AskForPrompt) == [AskForPrompt()]
    assert device.only(Leave) == []
    device.receives(7)
    assert device.only(Leave) == [Leave()]


def test_it_leaves_at_once_if_the_last_version_is_the_one_that_it_holds() -> None:
    device = done()
    device.told(Stop(reason="finished", version=1))
    assert device.only(Leave) == [Leave()]


def test_after_the_time_that_its_owner_gives_it_leaves_with_the_newest_version() -> None:
    device = done(leave_after=60.0)
    device.sees(version=5)
    assert next_deadline(device.state) == device.now + 60
    device.passes(59)
    assert device.only(AskForPrompt) == []
    device.passes(1)
    assert device.only(AskForPrompt) == [AskForPrompt()]
    device.receives(5)
    assert device.only(Leave) == [Leave()]


def test_without_a_broker_it_leaves_with_what_it_holds() -> None:
    device = done(leave_after=60.0)
    device.loses_the_broker()
    device.passes(60)
    assert device.only(Leave) == [Leave()]
