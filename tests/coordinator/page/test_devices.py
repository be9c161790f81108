"""Devices as the page shows them: who is stuck comes first, and everybody is found."""

from dataclasses import replace
from functools import cache
from typing import Any

from mfpt_coord.core.admission import Enrolment
from mfpt_coord.core.client import Client
from mfpt_coord.core.clients import Clients
from mfpt_coord.core.entries import Entries
from mfpt_coord.page.devices import DeviceView
from mfpt_coord.page.listing import Asked
from mfpt_coord.page.names import Names
from support.coordinator_core import SWAHILI, ZULU, Federation
from support.sealing import key_of

NOW = 1000.0


@cache
def view() -> DeviceView:
    """Return a view of one device of each kind that is of interest here."""
    names = Names()
    names.learn([SWAHILI, ZULU])
    there = Client("there", SWAHILI, state="online", last_seen=NOW, device="a laptop", accuracy=0.75, folded=3)
    failing = Client("failing", ZULU, state="online", last_seen=NOW, grants=(1, 2, 3))
    gone = Client("gone", SWAHILI, state="offline", last_seen=1.0, epsilon=2.0)
    enrolled = [
        Enrolment("failing", key_of("failing").public, language=ZULU, name="radio", at=10.0, token="t1"),
        Enrolment("gone", key_of("gone").public, language=SWAHILI, at=10.0, revoked=20.0),
        Enrolment("unseen", key_of("unseen").public, language=SWAHILI, at=10.0),
        Enrolment("reader", key_of("reader").public, role="reader", at=10.0),
    ]
    state = replace(
        Federation().state,
        clients=Clients.of([there, failing, gone], NOW),
        enrolments=Entries.of({one.client: one for one in enrolled}),
    )
    return DeviceView(state, NOW, 5.0, names)


def ids(**asked: Any) -> list[str]:
    return [row.id for row in view().listed(Asked(**asked)).rows]


def test_who_only_fails_comes_first_and_whoever_was_excluded_last() -> None:
    everybody = ids()
    assert everybody[0] == "failing"
    assert everybody[-1] == "gone"
    assert set(everybody) == {"failing", "gone", "reader", "there", "unseen"}


def test_devices_are_found_by_name_language_and_what_they_run_on() -> None:
    assert ids(search="RADIO") == ["failing"]
    assert ids(search="laptop") == ["there"]
    assert set(ids(search="swh")) == {"there", "gone", "unseen"}


def test_one_kind_of_devices_can_be_asked_for() -> None:
    assert ids(only="failing") == ["failing"]
    assert ids(only="revoked") == ["gone"]
    assert ids(only="unseen") == ["unseen"]
    assert ids(only="looking") == ["reader"]


def test_devices_are_counted_by_what_they_do() -> None:
    crowd = view().crowd
    assert (crowd.total, crowd.online) == (5, 2)
    assert crowd.kinds == {"preparing": 2, "revoked": 1, "unseen": 1, "looking": 1, "failing": 1}


def test_a_device_is_shown_by_the_clock_on_the_wall() -> None:
    row = view().row("failing")
    assert row is not None
    assert (row.name, row.language_name, row.token, row.failures) == ("radio", "Zulu", "t1", 3)
    assert (row.admitted, row.last_seen) == (15.0, 1005.0)
    assert view().row("nobody") is None


def test_who_has_spent_most_can_come_first() -> None:
    assert ids(sort="spent")[0] == "gone"
