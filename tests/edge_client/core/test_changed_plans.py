"""The plan changes while a device takes part."""

from typing import Any

import msgspec

from mfpt_edge.core.asking import lacks_prompt
from mfpt_edge.core.effects import (
    CancelTraining,
    Forget,
    KeepPrompt,
    Leave,
    Prepare,
    Refuse,
    SendReady,
    SendUpdates,
    Train,
)
from mfpt_edge.core.events import PlanReceived, Prepared
from mfpt_shared.plan import Plan
from support.edge_core import OTHER_PLAN, PLAN, Device, prompt_of


def changed(**training: Any) -> Plan:
    return msgspec.structs.replace(PLAN, training=msgspec.structs.replace(PLAN.training, **training))


NEW = changed(batch_size=4)


def test_a_device_loads_the_new_plan_and_announces_itself_again() -> None:
    device = Device().is_ready()
    device.feed(PlanReceived(device.now, NEW))
    assert device.only(Prepare) == [Prepare(NEW)]
    device.feed(Prepared(device.now))
    assert device.only(SendReady) == [SendReady()]


def test_it_trains_from_the_prompt_of_the_new_plan_alone() -> None:
    device = Device().is_ready()
    device.feed(PlanReceived(device.now, NEW))
    device.receives(0)
    assert device.only(KeepPrompt) == [], "it was made under the plan before"
    device.feed(Prepared(device.now))
    device.assigned(0)
    assert device.only(Train) == []
    assert lacks_prompt(device.state)
    device.receives(prompt_of(0, plan=NEW.digest))
    assert len(device.only(Train)) == 1


def test_a_round_under_way_is_given_up_and_what_is_ready_is_sent() -> None:
    device = Device().in_training()
    device.trained(1)
    assert device.only(SendUpdates) == [SendUpdates((1,))]
    device.acknowledged(1)
    device.receives(1)
    device.assigned(1)
    assert len(device.only(Train)) == 1
    device.feed(PlanReceived(device.now, NEW))
    assert [type(one) for one in device.effects if isinstance(one, CancelTraining | Prepare)] == [
        CancelTraining,
        Prepare,
    ]


def test_an_update_that_waits_goes_on_waiting() -> None:
    device = Device().in_training()
    device.trained(1)
    device.feed(PlanReceived(device.now, NEW))
    assert device.state.outbox == (1,)
    assert device.only(Forget) == []
    device.acknowledged(1)
    assert device.only(Forget) == [Forget(1)]


def test_another_task_is_not_followed() -> None:
    device = Device().is_ready()
    device.feed(PlanReceived(device.now, OTHER_PLAN))
    (refusal,) = device.only(Refuse)
    assert "task.labels" in refusal.reason
    assert "start this device again" in refusal.reason


def test_a_device_that_is_done_leaves_with_what_it_has() -> None:
    device = Device(rounds=1, leave_after=900.0).is_ready()
    device.assigned(0)
    device.trained(1)
    device.acknowledged(1)
    device.receives(1)
    device.feed(PlanReceived(device.now, NEW))
    assert device.only(Prepare) == []
    assert device.only(Leave) == [Leave()]


def test_the_same_plan_again_changes_nothing() -> None:
    device = Device().is_ready()
    before = device.state
    device.feed(PlanReceived(device.now, PLAN))
    assert device.effects == []
    assert device.state == before
