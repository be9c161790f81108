"""A device whose privacy budget is spent makes no more updates, and goes on as a user of prompts."""

from mfpt_edge.core.effects import Carry, Forget, Leave, Renumber, SendReady, SendUpdates, Tell, Train
from mfpt_edge.core.events import PlanReceived, Prepared
from mfpt_edge.core.leaving import SPENT
from mfpt_shared.protocol.messages import Disband, Resync
from support.edge_core import PLAN, Device


def prepared(device: Device, last_number: int | None) -> Device:
    device.connects()
    device.feed(PlanReceived(device.now, PLAN))
    device.receives(0)
    device.sees()
    device.feed(Prepared(device.now, last_number))
    return device


def told(device: Device) -> list[str]:
    return [effect.text for effect in device.only(Tell)]


def test_after_the_last_update_that_fits_a_device_is_done_and_says_why() -> None:
    device = prepared(Device(leave_after=900.0), last_number=2)
    for number in (1, 2):
        assert device.state.phase == "idle"
        device.assigned(number - 1)
        assert device.only(Train) == [Train(number)]
        device.trained(number)
        assert device.only(SendUpdates) == [SendUpdates((number,))]
        device.acknowledged(number)
        if number == 1:
            device.receives(1)

    assert device.state.phase == "done"
    assert [text.split(";")[0] for text in told(device)] == [SPENT]
    device.receives(2)
    device.assigned(2)
    assert device.only(Train) == []


def test_a_device_that_comes_back_with_nothing_left_announces_itself_no_more_and_asks_for_a_prompt() -> None:
    device = Device(leave_after=900.0)
    device.connects()
    device.feed(PlanReceived(device.now, PLAN))
    device.sees(version=3)
    device.feed(Prepared(device.now, 0))

    assert device.state.phase == "done"
    assert device.only(SendReady) == []
    assert device.state.asked


def test_what_waits_in_the_outbox_is_answered_before_the_device_is_done() -> None:
    device = prepared(Device(left_over=(5,), leave_after=900.0), last_number=5)
    assert device.state.done_at is None

    device.acknowledged(5)

    assert device.state.phase == "done"


def test_numbers_that_another_copy_has_used_are_spent() -> None:
    device = prepared(Device(leave_after=900.0), last_number=6)
    device.assigned(0)
    device.trained(1)
    device.told(Resync(sequence=1, version=0, highest=9))
    device.acknowledged(10)

    assert device.state.phase == "done"


def test_without_a_limit_a_device_goes_on() -> None:
    device = prepared(Device(leave_after=900.0), last_number=None)
    device.assigned(0)
    device.trained(1)
    device.acknowledged(1)

    assert device.state.phase == "idle"


def test_a_device_that_does_not_listen_says_that_its_budget_is_spent_and_leaves() -> None:
    device = prepared(Device(), last_number=0)

    assert told(device) == [SPENT]
    assert device.only(Leave) == [Leave()]


def test_no_update_goes_on_under_a_number_that_is_beyond_the_budget() -> None:
    """Under masks, nothing of it has left yet."""
    device = prepared(Device(leave_after=900.0), last_number=6)
    device.assigned(0)
    device.trained(1)

    device.told(Resync(sequence=1, version=0, highest=6))

    assert (device.only(SendUpdates), device.state.outbox) == ([], ())
    assert device.only(Renumber) + device.only(Forget) == [Renumber(1, 7), Forget(7)], "the next run knows of number 7"
    assert device.state.phase == "done"


def test_an_update_that_was_trained_while_others_used_the_budget_up_is_not_sent() -> None:
    device = prepared(Device(left_over=(5,), leave_after=900.0), last_number=9)
    device.assigned(0)
    assert device.only(Train) == [Train(6)]
    device.told(Resync(sequence=5, version=0, highest=8))
    assert device.only(SendUpdates) == [SendUpdates((9,))]

    device.trained(6)

    assert device.state.outbox == (9,)
    assert device.only(Forget) == [Forget(10)]


def test_the_last_update_is_carried_by_none_where_its_cohort_fails() -> None:
    device = prepared(Device(leave_after=900.0), last_number=1)
    device.assigned(0)
    device.trained(1)

    device.told(Disband(cohort="c", sequence=1, sha256=""))

    assert device.only(Carry) + device.only(Forget) == [Forget(1)]
    assert "allows no next one" in told(device)[0]
    assert device.state.phase == "done"
