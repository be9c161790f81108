"""How a device and a coordinator find each other, and find each other again."""

from mfpt_edge.core.deadlines import REANNOUNCE_SECONDS
from mfpt_edge.core.effects import PublishState, SendReady, Tell
from mfpt_edge.core.events import PlanReceived, Prepared
from support.edge_core import PLAN, Device


def test_a_device_says_that_it_is_ready_once_it_is_prepared() -> None:
    device = Device()
    device.connects()
    device.feed(PlanReceived(device.now, PLAN))
    device.sees()
    assert device.only(SendReady) == []
    device.feed(Prepared(device.now))
    assert device.only(SendReady) == [SendReady()]


def test_a_coordinator_is_told_once() -> None:
    device = Device().is_ready()
    device.sees()
    device.receives(1)
    device.passes(5)
    assert device.only(SendReady) == []


def test_another_coordinator_is_told_too() -> None:
    device = Device().is_ready()
    device.sees(epoch=6)
    assert device.only(SendReady) == [SendReady()]


def test_a_coordinator_that_comes_back_is_told_again() -> None:
    device = Device().is_ready()
    device.sees("offline")
    assert device.only(Tell)
    device.sees("online")
    assert device.only(SendReady) == [SendReady()]


def test_after_a_lost_connection_the_coordinator_is_told_again() -> None:
    device = Device().is_ready()
    device.loses_the_broker()
    device.connects()
    assert PublishState(at_once=True) in device.effects
    assert device.only(SendReady) == []
    device.sees()
    assert device.only(SendReady) == [SendReady()]


def test_a_device_in_training_tells_nobody_that_it_is_ready() -> None:
    device = Device().in_training()
    device.sees(epoch=6)
    assert device.only(SendReady) == []
    device.trained(1)
    device.acknowledged(1)
    assert device.only(SendReady) == [SendReady()]


def test_a_device_that_hears_nothing_for_a_while_announces_itself_again() -> None:
    device = Device().is_ready()
    device.passes(REANNOUNCE_SECONDS)
    assert device.only(SendReady) == [SendReady()]
