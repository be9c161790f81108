"""Assignments and the trainings that follow them."""

from mfpt_edge.core.effects import Refuse, SendReady, Tell, Train
from mfpt_edge.core.events import TrainingFailed
from mfpt_edge.core.machine import MAX_FAILURES
from mfpt_shared.protocol.messages import Reject
from support.edge_core import Device


def test_an_assignment_starts_a_training() -> None:
    device = Device().is_ready()
    device.assigned(0)
    assert device.only(Train) == [Train(1)]
    assert device.state.phase == "training"


def test_numbers_go_on_after_those_of_earlier_runs() -> None:
    device = Device(left_over=(7,)).is_ready()
    device.assigned(0)
    assert device.only(Train) == [Train(8)]


def test_an_assignment_waits_for_its_version_of_the_prompt() -> None:
    device = Device().is_ready()
    device.assigned(2)
    assert device.only(Train) == []
    device.receives(1)
    assert device.only(Train) == []
    device.receives(2)
    assert device.only(Train) == [Train(1)]


def test_a_newer_prompt_than_the_assignments_is_as_good() -> None:
    device = Device().is_ready()
    device.receives(5)
    device.assigned(2)
    assert device.only(Train) == [Train(1)]


def test_an_assignment_from_a_coordinator_that_is_gone_is_not_followed() -> None:
    device = Device().is_ready()
    device.assigned(1)
    device.sees("offline")
    device.receives(1)
    assert device.only(Train) == []


def test_an_assignment_that_is_told_twice_is_followed_once() -> None:
    """A device that announces itself again is assigned again; it trains once from a version all the same."""
    device = Device().in_training()
    device.assigned(0)
    device.trained(1)
    device.acknowledged(1)
    assert device.state.phase == "idle"
    assert device.only(Train) == []


def test_the_next_assignment_may_come_before_the_device_is_idle() -> None:
    device = Device(left_over=(3,)).is_ready()
    device.assigned(0)
    device.trained(4)
    device.acknowledged(4)
    device.receives(1)
    device.assigned(1)
    device.acknowledged(3)
    assert device.only(Train) == [Train(5)]


def test_a_device_that_ends_with_an_error_starts_no_training_in_the_same_breath() -> None:
    device = Device().in_training()
    device.trained(1)
    device.assigned(0)
    device.told(Reject(sequence=1, reason="incompatible", detail="plan x"))
    assert device.only(Refuse)
    assert device.only(Train) == []


def test_a_failed_training_is_told_and_the_device_announces_itself_again() -> None:
    device = Device().in_training()
    device.feed(TrainingFailed(device.now, "out of memory"))
    assert ["out of memory" in tell.text for tell in device.only(Tell)] == [True]
    assert device.only(SendReady) == [SendReady()]


def test_three_failed_trainings_in_a_row_end_with_an_error() -> None:
    device = Device().is_ready()
    for attempt in range(1, MAX_FAILURES + 1):
        device.assigned(0)
        device.feed(TrainingFailed(device.now, "out of memory"))
        assert bool(device.only(Refuse)) is (attempt == MAX_FAILURES)
    assert "out of memory" in device.only(Refuse)[0].reason


def test_a_training_that_succeeds_forgives_those_that_failed() -> None:
    device = Device().is_ready()
    for version, sequence in enumerate((3, 6, 9)):
        device.receives(version)
        for _ in range(MAX_FAILURES - 1):
            device.assigned(version)
            device.feed(TrainingFailed(device.now, "out of memory"))
        device.assigned(version)
        device.trained(sequence)
        device.acknowledged(sequence)
    assert device.only(Refuse) == []
    assert not device.state.ended
