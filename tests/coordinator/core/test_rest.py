"""Devices that listen are let go once, when nobody trains any more."""

from typing import Any

from mfpt_shared.protocol.messages import Stop
from support.coordinator_core import Federation

FINISHED = Stop(reason="finished", version=1)


def with_one_listening(**aggregation: Any) -> Federation:
    """Return a federation of two devices, one of which is done; the other one's update is to come."""
    federation = Federation(**{"buffer": 2, **aggregation})
    federation.ready("a")
    federation.ready("b")
    federation.update("a")
    federation.says("a", phase="done")
    return federation


def test_a_device_that_is_done_is_told_nothing_while_another_trains() -> None:
    federation = with_one_listening()
    federation.passes(5)
    assert federation.told("a") == []


def test_it_is_let_go_with_the_version_that_holds_the_last_update() -> None:
    federation = with_one_listening()
    federation.update("b")
    assert federation.state.version == 1
    federation.says("b", phase="done")
    assert federation.told("a") == federation.told("b") == [FINISHED]


def test_it_is_told_once() -> None:
    federation = with_one_listening()
    federation.says("b", state="offline", phase="done")
    federation.passes(1)  # the buffer is folded, because nobody is left to fill it
    assert federation.told("a") == [FINISHED]
    federation.passes(1)
    federation.says("a", phase="done")
    assert federation.told("a") == []


def test_an_update_that_waits_keeps_it() -> None:
    federation = with_one_listening()
    federation.says("b", state="offline", phase="done")
    assert federation.told("a") == [], "its own update is in no version yet"


def test_a_device_that_goes_silent_keeps_others_no_longer_than_it_counts_as_there() -> None:
    federation = with_one_listening()
    federation.passes(700)
    federation.says("a", phase="done")
    assert federation.told("a") == [FINISHED]


def test_one_that_joins_again_is_told_again() -> None:
    federation = with_one_listening()
    federation.says("b", state="offline", phase="done")
    federation.passes(1)
    federation.says("a", state="offline")
    federation.says("a", phase="done")
    assert federation.told("a") == [FINISHED]
