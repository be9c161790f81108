"""Devices that nobody has heard of for long: who is forgotten, who stays, and what is left of those who go."""

from dataclasses import replace

from mfpt_coord.core.admission import Enrolment
from mfpt_coord.core.effects import ForgetDevices, SaveDeed
from mfpt_coord.core.entries import Entries
from mfpt_coord.core.events import DeviceRevoked, DevicesUnheard
from mfpt_coord.core.rest import let_go
from support.coordinator_core import ZULU, Federation
from support.sealing import key_of

YEAR = 365 * 86_400.0


def a_year_later(federation: Federation) -> None:
    federation.now += YEAR + 3600
    federation.feed(DevicesUnheard(federation.now, YEAR))


def met(federation: Federation, client: str, token: str = "") -> None:
    known = Enrolment(client, key_of(client).public, token=token, at=federation.now)
    federation.state = replace(federation.state, enrolments=Entries.of(federation.state.enrolments).plus(client, known))


def test_who_was_not_heard_of_for_a_year_is_forgotten_and_what_it_contributed_counts() -> None:
    federation = Federation(buffer=1)
    met(federation, "a")
    federation.ready("a")
    federation.update("a")
    before = federation.state
    a_year_later(federation)
    assert federation.only(ForgetDevices) == [ForgetDevices(("a",))]
    (noted,) = federation.only(SaveDeed)
    assert noted.deed.detail == "1 device not heard of for 365 days"
    after = federation.state
    assert (len(after.clients), len(after.enrolments)) == (0, 0)
    assert (after.contributed, after.counts, after.version) == (before.contributed, before.counts, before.version)
    assert not any(device == "a" for _, device in after.relations.shares)


def test_who_was_heard_of_within_the_year_stays() -> None:
    federation = Federation()
    federation.ready("a")
    federation.now += YEAR
    federation.ready("b", ZULU)
    federation.now += 3600
    federation.feed(DevicesUnheard(federation.now, YEAR))
    assert set(federation.state.clients) == {"b"}
    assert federation.state.clients.indices.whole.devices == 1


def test_whom_somebody_invited_stays_and_so_does_who_was_revoked() -> None:
    federation = Federation()
    for client, token in (("invited", "t0"), ("revoked", "")):
        met(federation, client, token)
        federation.ready(client)
    federation.feed(DeviceRevoked(federation.now, "revoked"))
    a_year_later(federation)
    assert federation.only(ForgetDevices) == []
    assert set(federation.state.enrolments) == {"invited", "revoked"}


def test_nobody_is_forgotten_whose_update_waits() -> None:
    federation = Federation(buffer=2, fold_after=1e9, patience=1000.0)
    federation.ready("a")
    federation.ready("b", ZULU)
    federation.update("a")
    buffer = federation.state.buffer
    assert [one.client for one in buffer] == ["a"]
    federation.says("a", "offline")
    waiting = federation.state
    federation.feed(DevicesUnheard(federation.now, -1.0))
    assert set(federation.state.clients) == {"a", "b"} & set(waiting.clients)
    assert federation.only(ForgetDevices) == []


def test_who_only_listens_says_nothing_and_stays() -> None:
    federation = Federation()
    federation.ready("a")
    federation.says("a", phase="done")
    assert let_go(federation.state, federation.now)[1] != []
    a_year_later(federation)
    assert set(federation.state.clients) == {"a"}


def test_who_comes_back_is_a_new_device() -> None:
    federation = Federation(buffer=1)
    federation.ready("a")
    federation.update("a", 7)
    a_year_later(federation)
    federation.ready("a")
    federation.update("a", 8)
    assert federation.state.clients["a"].sequence == 8
    assert federation.state.counts.accepted == 2
