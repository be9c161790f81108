"""What lets no training begin on a device: it tells nobody that it is ready, and goes on when it may."""

from mfpt_edge.core.deadlines import REANNOUNCE_SECONDS
from mfpt_edge.core.effects import CancelTraining, SendReady, SendUpdates, Train
from mfpt_edge.core.events import ConditionsChanged
from support.edge_core import Device


def held_back(device: Device) -> Device:
    device.feed(ConditionsChanged(device.now, "its owner has paused it"))
    return device


def let_on(device: Device) -> None:
    device.feed(ConditionsChanged(device.now, ""))


def test_a_device_that_may_not_train_announces_itself_when_it_may() -> None:
    device = held_back(Device().is_ready())
    device.passes(REANNOUNCE_SECONDS + 1)
    assert device.only(SendReady) == []
    let_on(device)
    assert device.only(SendReady) == [SendReady()]


def test_an_assignment_that_comes_meanwhile_is_asked_for_anew_afterwards() -> None:
    device = held_back(Device().is_ready())
    device.assigned(0)
    assert device.only(Train) == []
    let_on(device)
    assert (device.only(SendReady), device.only(Train)) == ([SendReady()], [])
    device.assigned(0)
    assert device.only(Train) == [Train(1)]


def test_a_training_that_has_begun_is_not_given_up_and_its_update_is_sent() -> None:
    device = held_back(Device().in_training())
    assert device.only(CancelTraining) == []
    device.trained(1)
    assert device.only(SendUpdates) == [SendUpdates((1,))]
    device.acknowledged(1)
    assert device.only(SendReady) == []
