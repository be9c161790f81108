"""Devices in a mapping that never changes, and what is known of all of them without a walk."""

from dataclasses import replace

from mfpt_coord.core.client import Assignment, Client
from mfpt_coord.core.clients import Clients
from mfpt_coord.core.entries import Entries
from mfpt_coord.core.events import TimePassed
from mfpt_coord.core.machine import step
from support.coordinator_core import SWAHILI, ZULU, Federation
from support.device_walks import check_indices

NAMES = [f"d{number * 7 % 40}" for number in range(40)]


def at_work(name: str, until: float) -> Client:
    return Client(name, SWAHILI, state="online", ready=True, assignment=Assignment(0, since=0.0, deadline=until))


def test_devices_stay_in_the_order_in_which_they_became_known() -> None:
    clients = Clients()
    for name in NAMES:
        clients = clients.plus(Client(name, SWAHILI))
    changed = clients.plus(Client(NAMES[3], ZULU))
    assert list(changed) == NAMES
    assert [client.id for client in changed.values()] == NAMES
    assert [name for name, client in changed.items() if client.language == ZULU] == [NAMES[3]]
    assert clients[NAMES[3]].language == SWAHILI


def test_entries_of_a_mapping_have_its_order_and_entries_are_their_own() -> None:
    entries = Entries.of({"b": 1, "a": 2})
    assert list(entries.plus("c", 3).plus("b", 4).items()) == [("b", 4), ("a", 2), ("c", 3)]
    assert Entries.of(entries) is entries


def test_many_entries_are_found_and_replaced_one_by_one() -> None:
    known = {f"d{number * 7919 % 1000}": number for number in range(1000)}
    entries = Entries.of(dict(list(known.items())[:300]))
    for key, number in known.items():
        entries = entries.plus(key, -number)
    assert list(entries.items()) == [(key, -number) for key, number in known.items()]
    assert [entries[key] for key in known] == [-number for number in known.values()]
    assert (len(entries), "d1000" in entries) == (1000, False)


def test_a_place_is_free_at_the_deadline_though_nothing_was_heard() -> None:
    clients = Clients.of([at_work("a", until=50.0), at_work("b", until=70.0)], at=10.0)
    assert [clients.by(at).indices.whole.at_work for at in (49.0, 50.0, 70.0)] == [2, 1, 0]


def test_a_time_before_that_of_the_indices_is_right_as_well() -> None:
    clients = Clients.of([at_work("a", until=50.0)], at=60.0)
    assert clients.by(40.0).indices.whole.at_work == 1
    check_indices(clients, 40.0)


def test_time_that_changes_nothing_leaves_the_state_as_it_is() -> None:
    federation = Federation()
    federation.ready("a")
    after, _ = step(federation.state, TimePassed(federation.now + 1))
    assert after is federation.state


def test_a_language_that_its_last_device_has_left_is_none_of_the_federation() -> None:
    clients = Clients.of([Client("a", SWAHILI, examples=5)])
    moved = clients.plus(replace(clients["a"], language=ZULU))
    assert moved.indices.by_language.keys() == {ZULU}
