"""How a device leaves a federation, and what happens after that."""

import pytest

from mfpt_edge.core.asking import ASK_AGAIN_SECONDS
from mfpt_edge.core.deadlines import RESEND_SECONDS, RESUBSCRIBE_SECONDS, next_deadline
from mfpt_edge.core.effects import AskForPrompt, CancelTraining, Leave, PublishState, Refuse, Subscribe, Train
from mfpt_edge.core.leaving import LAST_PROMPT_SECONDS
from mfpt_shared.protocol.messages import Ack, Stop
from support.edge_core import Device


def test_after_its_rounds_a_device_leaves_with_a_prompt_that_holds_its_last_update() -> None:
    device = Device(rounds=1).in_training()
    device.trained(1)
    device.acknowledged(1)
    assert device.state.phase == "done"
    assert PublishState(at_once=True) in device.effects
    assert device.only(Leave) == []
    device.receives(0)
    assert device.only(Leave) == []
    device.receives(1)
    assert device.only(Leave) == [Leave()]


def test_a_prompt_that_overtakes_the_acknowledgement_of_the_update_in_it_is_the_one_to_leave_with() -> None:
    device = Device(rounds=1).in_training()
    device.trained(1)
    device.receives(1)
    assert device.only(Leave) == []
    device.acknowledged(1)
    assert device.only(Leave) == [Leave()]


def test_after_a_stale_update_a_device_leaves_with_the_version_after_those_that_it_missed() -> None:
    device = Device(rounds=1).in_training()
    device.trained(1)
    device.told(Ack(sequence=1, staleness=2))
    device.receives(2)
    assert device.only(Leave) == []
    device.receives(3)
    assert device.only(Leave) == [Leave()]


def test_after_its_rounds_a_device_waits_no_longer_than_half_a_minute() -> None:
    device = Device(rounds=1).in_training()
    device.trained(1)
    device.acknowledged(1)
    assert LAST_PROMPT_SECONDS == 30
    device.passes(LAST_PROMPT_SECONDS - 1)
    assert device.only(Leave) == []
    assert next_deadline(device.state) == device.now + 1
    device.passes(1)
    assert device.only(Leave) == [Leave()]


def test_a_device_that_has_no_word_of_its_last_version_looks_again_each_time_later() -> None:
    """A broker may lose what is retained while the device subscribes."""
    device = Device(rounds=1).in_training()
    device.passes(60)
    device.trained(1)
    device.acknowledged(1)
    assert device.only(Subscribe) == []
    for seconds in (RESUBSCRIBE_SECONDS, 2 * RESUBSCRIBE_SECONDS):
        assert next_deadline(device.state) == device.now + seconds
        device.passes(seconds - 1)
        assert device.only(Subscribe) == [], "the version may not exist yet"
        device.passes(1)
        assert device.only(Subscribe) == [Subscribe()]


def test_a_device_asks_for_its_last_version_once_that_is_published() -> None:
    device = Device(rounds=1).in_training()
    device.trained(1)
    device.acknowledged(1)
    assert device.only(AskForPrompt) == []
    device.sees(version=1)
    assert device.only(AskForPrompt) == [AskForPrompt()]
    device.receives(1)
    assert device.only(Leave) == [Leave()]


def test_a_device_asks_for_the_last_version_of_a_finished_federation_again() -> None:
    device = Device().is_ready()
    device.told(Stop(reason="finished", version=3))
    assert device.only(AskForPrompt) == [AskForPrompt()]
    device.passes(ASK_AGAIN_SECONDS)
    assert device.only(AskForPrompt) == [AskForPrompt()]
    device.receives(3)
    assert device.only(Leave) == [Leave()]


def test_a_device_that_leaves_follows_no_assignment() -> None:
    device = Device(rounds=1).in_training()
    device.trained(1)
    device.acknowledged(1)
    device.assigned(0)
    assert device.only(Train) == []


def test_rounds_that_are_not_enough_keep_a_device() -> None:
    device = Device(rounds=2).in_training()
    device.trained(1)
    device.acknowledged(1)
    device.receives(1)
    device.assigned(1)
    assert device.only(Train) == [Train(2)]


def test_a_finished_federation_lets_a_device_go_with_the_last_version() -> None:
    device = Device().is_ready()
    device.told(Stop(reason="finished", version=3))
    assert device.only(Leave) == []
    device.receives(3)
    assert device.only(Leave) == [Leave()]


def test_a_training_that_runs_when_the_federation_finishes_is_cancelled() -> None:
    device = Device().in_training()
    device.receives(3)
    device.told(Stop(reason="finished", version=3))
    assert device.only(CancelTraining) == [CancelTraining()]
    assert device.only(Leave) == [Leave()]


@pytest.mark.parametrize("ending", ["left", "refused"])
def test_after_the_end_nothing_more_happens(ending: str) -> None:
    device = Device(left_over=(1,)).is_ready()
    if ending == "left":
        device.told(Stop(reason="finished", version=0))
        assert device.only(Leave)
    else:
        device.told(Stop(reason="incompatible", version=0))
        assert device.only(Refuse)
    before = device.state
    device.loses_the_broker()
    device.connects()
    device.sees(epoch=6)
    device.assigned(0)
    device.acknowledged(1)
    device.passes(RESEND_SECONDS)
    assert (device.state, device.effects) == (before, [])
