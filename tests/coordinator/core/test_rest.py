"""Devices that listen are let go once, when nobody trains any more."""

from dataclasses import replace
from typing import Any

from mfpt_coord.core.client import GONE_SECONDS
from mfpt_coord.core.clients import Clients
from mfpt_coord.core.events import ClientSaid
from mfpt_coord.core.opening import opened
from mfpt_coord.core.schedule import RETURN_SECONDS
from mfpt_shared.protocol.messages import ClientState, Stop
from support.coordinator_core import SWAHILI, Federation
from support.masked_core import MaskedFederation, masked_plan

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
    federation.passes(1)
    assert federation.told("a") == federation.told("b") == [FINISHED]


def test_it_is_told_once() -> None:
    federation = with_one_listening()
    federation.says("b", state="offline", phase="done")
    federation.passes(1)  # the buffer is folded, because nobody is left to fill it
    assert federation.told("a") == [FINISHED]
    federation.says("a", phase="done")
    federation.passes(1)
    assert federation.told("a") == []


def test_an_update_that_waits_keeps_it() -> None:
    federation = with_one_listening()
    federation.says("b", state="offline", phase="done")
    federation.passes(0)
    assert federation.told("a") == [], "its own update is in no version yet"


def test_a_device_that_goes_silent_keeps_others_no_longer_than_it_counts_as_there() -> None:
    federation = with_one_listening()
    federation.passes(700)
    assert federation.told("a") == [FINISHED]


def test_however_long_it_listens_in_silence_it_is_let_go() -> None:
    federation = with_one_listening()
    for _ in range(3):
        federation.says("b", phase="training")
        federation.passes(GONE_SECONDS / 2)
        assert federation.told("a") == []
    federation.says("b", phase="done")
    federation.passes(1)
    assert federation.told("a") == [FINISHED]


def test_a_device_that_is_cut_off_keeps_it_for_as_long_as_it_has_to_come_back() -> None:
    federation = with_one_listening(buffer=1)
    federation.says("b", state="offline")
    federation.passes(RETURN_SECONDS - 1)
    assert federation.told("a") == []
    federation.passes(1)
    assert federation.told("a") == [FINISHED]


def test_a_coordinator_that_has_just_started_waits_to_hear_from_the_devices_that_it_knows() -> None:
    federation = with_one_listening(buffer=1)
    federation.now += 3600
    known = federation.state.clients.values()
    unheard = Clients.of(replace(client, state="offline", phase="idle") for client in known)
    federation.state = opened(replace(federation.state, clients=unheard), federation.now)
    federation.says("a", phase="done")
    federation.passes(0)
    assert federation.told("a") == [], "b may be training"
    federation.passes(RETURN_SECONDS)
    assert federation.told("a") == [FINISHED]


def test_one_that_joins_again_is_told_again() -> None:
    federation = with_one_listening()
    federation.says("b", state="offline", phase="done")
    federation.passes(1)
    federation.says("a", state="offline")
    federation.says("a", phase="done")
    federation.passes(1)
    assert federation.told("a") == [FINISHED]


def test_updates_that_are_too_few_for_a_cohort_keep_nobody() -> None:
    federation = MaskedFederation()
    for name in ("a", "b", "c"):
        federation.offers(name)
    federation.settles()
    done = ClientState(state="online", language=SWAHILI, phase="done")
    for name in "ac":
        federation.feed(ClientSaid(federation.now, name, done))
    federation.offers("b")
    federation.passes(1)
    assert [[type(told) for told in federation.mail[name]] for name in "abc"] == [[Stop], [], [Stop]]


def test_updates_that_are_enough_for_a_cohort_keep_a_device_that_listens() -> None:
    federation = MaskedFederation(masked_plan(buffer=4))
    for name in ("a", "b", "c"):
        federation.offers(name)
    done = ClientState(state="online", language=SWAHILI, phase="done")
    federation.feed(ClientSaid(federation.now, "d", done))
    assert federation.state.offers
    federation.passes(0.1)
    assert "d" not in federation.mail
