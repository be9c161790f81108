"""Who is let in, with accounts and without."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfpt_coord.access.accounts import COORDINATOR_USER, Account
from mfpt_coord.access.connections import MOST_CONNECTIONS, Connections, Place
from mfpt_coord.access.desk import CLIENT_TAKEN, FAILURE_SECONDS, MOST_FAILURES, Desk, Failures, OpenHouse
from mfpt_coord.access.rights import Rights, rights
from mfpt_shared.keys import digest

ANN = Account("ann", "device", digest("secret"), digest("ann's client"))
GUEST = Account("invite-t0", "invitation", digest("token"))
NAMES = st.text(max_size=12) | st.sampled_from(["", "mfpt", "ann", "bob", "invite-t0", COORDINATOR_USER, "sys", "auth"])


def test_the_owner_of_an_account_gets_the_rights_of_its_role() -> None:
    assert Desk("f", [ANN]).decide("ann", "secret", "ann's client") == rights("device", "f", "ann")


@pytest.mark.parametrize(
    ("user", "password", "client"),
    [
        ("ann", "wrong", "ann's client"),
        ("ann", "secret", "another client"),
        ("ann", "", "ann's client"),
        ("bob", "secret", "ann's client"),
        ("", "", "x"),
        ("mfpt", "secret", "x"),
    ],
)
def test_nobody_else_is_let_into_a_closed_federation(user: str, password: str, client: str) -> None:
    assert isinstance(Desk("f", [ANN]).decide(user, password, client), str)


def test_an_invitation_takes_any_client_id_but_that_of_a_device() -> None:
    desk = Desk("f", [ANN, GUEST])

    assert desk.decide("invite-t0", "token", "drawn") == rights("invitation", "f", "t0")
    assert desk.decide("invite-t0", "token", "ann's client") == CLIENT_TAKEN


def test_the_coordinator_s_client_id_is_given_to_nobody() -> None:
    desk = Desk("f", [GUEST], OpenHouse(), coordinator="the coordinator's client")

    for user, password in (("invite-t0", "token"), ("visitor", ""), ("", "")):
        assert desk.decide(user, password, "the coordinator's client") == CLIENT_TAKEN


def test_a_withdrawn_account_stays_out_of_an_open_federation_too() -> None:
    desk = Desk("f", [ANN], OpenHouse())

    desk.withdraw("ann")

    assert desk.decide("ann", "secret", "ann's client") == "revoked"


def test_a_withdrawn_account_that_is_allowed_again_is_let_in() -> None:
    desk = Desk("f", [ANN])

    desk.withdraw("ann")
    desk.allow(ANN)

    assert isinstance(desk.decide("ann", "secret", "ann's client"), Rights)


def test_the_client_id_of_a_withdrawn_account_is_free() -> None:
    desk = Desk("f", [ANN, GUEST])

    desk.withdraw("ann")

    assert isinstance(desk.decide("invite-t0", "token", "ann's client"), Rights)


def test_an_id_in_an_open_federation_belongs_to_the_first_client_that_comes_with_it() -> None:
    desk = Desk("f", open_house=OpenHouse())

    assert desk.decide("bob", "", "first") == rights("device", "f", "bob")
    assert isinstance(desk.decide("bob", "", "second"), str)
    assert isinstance(desk.decide("bob", "", "first"), Rights)


def test_a_client_id_in_an_open_federation_belongs_to_the_first_user_that_comes_with_it() -> None:
    desk = Desk("f", open_house=OpenHouse())

    assert isinstance(desk.decide("bob", "", "first"), Rights)
    assert desk.decide("eve", "", "first") == CLIENT_TAKEN
    assert desk.decide("", "", "first") == CLIENT_TAKEN


def test_whoever_has_no_name_in_an_open_federation_looks_on() -> None:
    desk = Desk("f", open_house=OpenHouse())

    assert desk.decide("", "", "x") == desk.decide("mfpt", "", "y") == rights("monitor", "f", "")


def test_a_common_password_is_asked_of_everybody_without_an_account() -> None:
    desk = Desk("f", open_house=OpenHouse(digest("common")))

    assert isinstance(desk.decide("bob", "common", "x"), Rights)
    for user in ("", "mfpt", "eve"):
        assert isinstance(desk.decide(user, "wrong", "y"), str)


@given(st.lists(st.tuples(NAMES, NAMES, NAMES), max_size=8), st.booleans())
def test_whoever_comes_and_however_often_has_no_rights_outside_of_his_own_topics(
    logins: list[tuple[str, str, str]], is_open: bool
) -> None:
    desk = Desk("f", [ANN, GUEST], OpenHouse() if is_open else None, coordinator="c")

    for user, password, client in logins:
        found = desk.decide(user, password, client)
        if isinstance(found, Rights):
            own = user.removeprefix("invite-")
            assert all(topic.split("/")[4] in (user, own) for topic in found.publish)
            assert all(topic.startswith("mfpt/v1/f/") for topic in (*found.publish, *found.subscribe))


def test_failed_logins_are_slowed_only_after_several_from_one_host_in_a_minute() -> None:
    failures = Failures()

    delays = [failures.note("host", "wrong password", now=float(second)) for second in range(MOST_FAILURES + 1)]

    assert delays[:-1] == [0.0] * MOST_FAILURES
    assert delays[-1] > 0
    assert failures.note("other host", "wrong password", now=MOST_FAILURES) == 0
    assert failures.note("host", "wrong password", now=MOST_FAILURES + FAILURE_SECONDS) == 0
    assert failures.total == {"wrong password": MOST_FAILURES + 3}


def test_a_user_with_too_many_connections_gives_up_the_oldest() -> None:
    connections = Connections()

    given_up = [connections.add("ann", Place("server", number)) for number in range(MOST_CONNECTIONS + 2)]

    assert given_up[:MOST_CONNECTIONS] == [[]] * MOST_CONNECTIONS
    assert given_up[MOST_CONNECTIONS:] == [[Place("server", 0)], [Place("server", 1)]]
    assert len(connections.take("ann")) == MOST_CONNECTIONS
    assert connections.take("ann") == []


def test_who_was_revoked_in_an_earlier_run_stays_out_of_an_open_federation() -> None:
    assert Desk("f", [], OpenHouse(), withdrawn=["ann"]).decide("ann", "", "any client") == "revoked"
