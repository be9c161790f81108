"""Devices that leave for good: they are forgotten once no update of theirs waits, and what is in versions stays."""

from dataclasses import replace

from mfpt_coord.core.admission import Enrolment
from mfpt_coord.core.effects import ForgetDevices, Withdraw
from mfpt_coord.core.entries import Entries
from mfpt_coord.core.events import DeviceLeft, DeviceRevoked, TimePassed
from mfpt_coord.core.forgetting import PART_SECONDS
from mfpt_coord.core.schedule import next_deadline
from support.coordinator_core import SWAHILI, ZULU, Federation
from support.sealing import key_of


def met(federation: Federation, client: str, token: str = "") -> None:
    known = Enrolment(client, key_of(client).public, token=token, at=federation.now)
    federation.state = replace(federation.state, enrolments=Entries.of(federation.state.enrolments).plus(client, known))


def leaves(federation: Federation, client: str) -> None:
    federation.feed(DeviceLeft(federation.now, client))


def test_a_device_that_leaves_is_forgotten_and_what_it_contributed_counts() -> None:
    federation = Federation(buffer=1)
    met(federation, "a")
    federation.ready("a")
    federation.update("a")
    before = federation.state
    leaves(federation, "a")
    assert federation.only(ForgetDevices) == [ForgetDevices(("a",))]
    after = federation.state
    assert (len(after.clients), len(after.enrolments), after.leaving) == (0, 0, frozenset())
    assert (after.contributed, after.counts, after.version) == (before.contributed, before.counts, before.version)


def test_one_whose_update_waits_is_forgotten_after_the_fold_and_given_no_work_until_then() -> None:
    federation = Federation(buffer=2, fold_after=1e9, patience=1000.0)
    for client, language in (("a", SWAHILI), ("b", ZULU)):
        met(federation, client)
        federation.ready(client, language)
    federation.update("a")
    leaves(federation, "a")
    assert federation.only(ForgetDevices) == []
    assert not federation.state.clients["a"].ready
    federation.update("b")
    assert federation.has_fold()
    assert federation.only(ForgetDevices) == [ForgetDevices(("a",))]
    assert set(federation.state.clients) == {"b"}


def test_the_account_of_one_that_was_invited_is_closed_once_it_had_time_to_disconnect() -> None:
    federation = Federation()
    met(federation, "invited", token="t0")
    federation.ready("invited")
    leaves(federation, "invited")
    assert "invited" not in federation.state.enrolments
    assert federation.only(Withdraw) == []
    assert next_deadline(federation.state, federation.now) <= federation.now + PART_SECONDS
    federation.now += PART_SECONDS
    federation.feed(TimePassed(federation.now))
    assert [effect.whom.client for effect in federation.only(Withdraw)] == ["invited"]
    assert federation.state.parting == {}


def test_one_that_was_revoked_remains_so() -> None:
    federation = Federation()
    met(federation, "a")
    federation.ready("a")
    federation.feed(DeviceRevoked(federation.now, "a"))
    leaves(federation, "a")
    assert federation.only(ForgetDevices) == []
    assert federation.state.enrolments["a"].revoked is not None


def test_one_that_is_revoked_while_its_update_waits_remains_so_too() -> None:
    federation = Federation(buffer=2, fold_after=1e9, patience=1000.0)
    for client, language in (("a", SWAHILI), ("b", ZULU)):
        met(federation, client)
        federation.ready(client, language)
    federation.update("a")
    leaves(federation, "a")
    federation.feed(DeviceRevoked(federation.now, "a"))
    federation.update("b")
    assert federation.has_fold()
    assert (federation.only(ForgetDevices), "a" in federation.state.enrolments) == ([], True)


def test_of_one_that_nobody_knows_nothing_is_forgotten() -> None:
    federation = Federation()
    leaves(federation, "stranger")
    assert (federation.only(ForgetDevices), federation.state.leaving) == ([], frozenset())
