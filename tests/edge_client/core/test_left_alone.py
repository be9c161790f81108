"""Under masks an update waits for others; a device that was to make so many rounds does not wait for ever."""

from typing import Final

from msgspec import structs

from mfpt_edge.core.deadlines import OTHERS_SECONDS, next_deadline
from mfpt_edge.core.effects import Leave, Tell
from mfpt_edge.core.events import PlanReceived, Prepared
from mfpt_edge.core.leaving import LEFT_ALONE
from mfpt_shared.plan import Plan, Privacy
from support.edge_core import PLAN, Device, prompt_of

MASKED: Final = structs.replace(PLAN, privacy=Privacy(aggregation="masked"))


def with_an_update(device: Device, plan: Plan = MASKED, last_number: int | None = None) -> Device:
    """Let a device train once, so that it has an update that waits."""
    device.connects()
    device.feed(PlanReceived(device.now, plan))
    device.receives(prompt_of(0, plan=plan.digest))
    device.sees()
    device.feed(Prepared(device.now, last_number))
    device.assigned(0)
    device.trained(1)
    return device


def leaves_after(device: Device, seconds: float) -> bool:
    device.passes(seconds)
    return device.only(Leave) == [Leave()]


def test_a_device_with_rounds_to_make_leaves_when_nobody_comes_to_be_added_up_with() -> None:
    device = with_an_update(Device(rounds=2, leave_after=60.0))
    assert not leaves_after(device, OTHERS_SECONDS - 1.0)
    assert next_deadline(device.state) <= device.now + 1.0
    assert leaves_after(device, 1.0)
    assert device.only(Tell) == [Tell(LEFT_ALONE)]
    assert device.state.outbox == (1,)


def test_a_device_that_listens_longer_waits_longer() -> None:
    device = with_an_update(Device(rounds=2, leave_after=OTHERS_SECONDS + 60.0))
    assert not leaves_after(device, OTHERS_SECONDS + 59.0)
    assert leaves_after(device, 1.0)


def test_a_device_whose_last_update_waits_leaves_when_nobody_comes() -> None:
    device = with_an_update(Device(), last_number=1)
    assert leaves_after(device, OTHERS_SECONDS)


def test_without_a_number_of_rounds_a_device_waits_for_others_however_long() -> None:
    device = with_an_update(Device())
    assert not leaves_after(device, 1e6)


def test_in_the_open_a_device_does_not_leave_before_its_update_is_answered() -> None:
    device = with_an_update(Device(rounds=2), PLAN)
    assert not leaves_after(device, 1e6)


def test_time_without_a_coordinator_is_no_time_without_others() -> None:
    device = with_an_update(Device(rounds=2))
    device.sees("offline")
    assert not leaves_after(device, 1e6)
    device.sees(epoch=6)
    assert not leaves_after(device, OTHERS_SECONDS - 1.0)
    assert leaves_after(device, 1.0)


def test_with_every_update_that_is_added_up_a_device_waits_anew() -> None:
    device = Device(left_over=(1, 2), rounds=3)
    device.connects()
    device.feed(PlanReceived(device.now, MASKED))
    device.receives(prompt_of(0, plan=MASKED.digest))
    device.sees()
    device.feed(Prepared(device.now))
    device.passes(OTHERS_SECONDS - 1.0)
    device.acknowledged(1)
    assert not leaves_after(device, OTHERS_SECONDS - 1.0)
    assert leaves_after(device, 1.0)
