"""What reaches the core: what admitted devices signed themselves, in order, and once."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mfpt_coord.core.client import Client
from mfpt_coord.core.events import ClientSaid, DeviceMet, EnrolAsked, SessionOver, UpdateArrived
from mfpt_coord.core.state import State, initial
from mfpt_coord.server import intake as intake_module
from mfpt_coord.server.intake import Intake
from mfpt_coord.server.quotas import BURST, STRANGERS_BURST
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.identity import update_digest
from mfpt_shared.protocol.messages import (
    Ack,
    ClientState,
    Ready,
    Update,
    UpdateHeader,
)
from mfpt_shared.protocol.seal import seal
from mfpt_shared.protocol.topics import CLIENT_DOWN, CLIENT_STATE, CLIENT_UP, ENROL_UP
from mfpt_shared.transport.base import Inbound
from support.admitting import enrolled, invitation, request
from support.coordinator_core import SWAHILI
from support.federation import tiny_plan
from support.sealing import inbound, key_of

HEADER = UpdateHeader(sequence=1, language="swh", base_version=0, examples=3, plan="p", backbone="b")
UPDATE = Update(HEADER, {"head.bias": np.ones(2, np.float32)})


def state(number: int, session: int = 1, **changes: Any) -> ClientState:
    return ClientState(state="online", language="swh", session=session, number=number, **changes)


def ready(number: int, session: int = 1) -> Ready:
    return Ready(language="swh", examples=3, plan="p", backbone="b", session=session, number=number)


class Door:
    """An intake, in front of a state that the test may change."""

    def __init__(self, *admitted: str, is_open: bool = False, **changes: Any) -> None:
        enrolments = {client: enrolled(client) for client in admitted}
        about: dict[str, Any] = {"open": is_open, "enrolments": enrolments} | changes
        self.state: State = replace(initial(tiny_plan()), **about)
        self.stored: set[tuple[str, int, bytes]] = set()
        self.intake = Intake(lambda: self.state, self.holds)

    def holds(self, client: str, sequence: int, digest: bytes) -> bool:
        return (client, sequence, digest) in self.stored

    def takes(self, *messages: Inbound, at: float = 9.0) -> list[str]:
        """Return the kinds of events that come of messages."""
        return [type(event).__name__ for one in messages for event in self.intake.understand(one, at)]

    @property
    def refused(self) -> dict[str, int]:
        return dict(self.intake.refusals.counts)


def test_what_an_admitted_device_says_reaches_the_core() -> None:
    door = Door("d1")
    assert door.intake.understand(inbound(CLIENT_STATE, "d1", state(1)), 9.0) == [ClientSaid(9.0, "d1", state(1))]
    (event,) = door.intake.understand(inbound(CLIENT_UP, "d1", UPDATE), 9.0)
    assert isinstance(event, UpdateArrived)
    assert (event.at, event.client, event.update.header, event.payload) == (9.0, "d1", HEADER, encode(UPDATE))
    assert door.refused == {}


def test_a_hundred_and_twenty_invented_devices_do_not_reach_a_closed_federation() -> None:
    door = Door("d1")
    taken = door.takes(*(inbound(CLIENT_UP, f"invented-{number}", ready(1)) for number in range(120)))
    assert taken == []
    assert door.refused == {"uninvited": 120}


def test_a_device_that_was_met_while_the_federation_was_open_is_a_stranger_once_it_is_closed() -> None:
    door = Door(enrolments={"d1": enrolled("d1", token="")})
    assert door.takes(inbound(CLIENT_UP, "d1", ready(1))) == []
    assert door.refused == {"uninvited": 1}


def test_thousands_of_invented_states_change_nothing() -> None:
    """Each is refused by its sender, before its signature costs anything."""
    door = Door("d1")
    one = inbound(CLIENT_STATE, "x", state(1)).payload
    door.takes(*(Inbound(CLIENT_STATE.path("test", f"x{number}"), one) for number in range(13_500)))
    assert door.refused == {"uninvited": 13_500}


def test_an_open_federation_meets_a_device_at_its_first_message() -> None:
    door = Door(is_open=True)
    met = DeviceMet(9.0, "d1", key_of("d1").public, SWAHILI)
    assert door.intake.understand(inbound(CLIENT_UP, "d1", ready(1)), 9.0) == [met, ClientSaid(9.0, "d1", ready(1))]
    assert door.takes(inbound(CLIENT_UP, "d1", ready(2))) == ["ClientSaid"]


def test_an_open_federation_meets_no_more_devices_than_it_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "MAX_DEVICES", 3)
    door = Door(is_open=True)
    door.takes(*(inbound(CLIENT_UP, f"d{number}", ready(1)) for number in range(5)))
    assert door.refused == {"full": 2}


@pytest.mark.parametrize("is_open", [False, True], ids=["closed", "open"])
@pytest.mark.parametrize("message", [ready(2), UPDATE], ids=["ready", "update"])
def test_what_another_key_signed_in_a_devices_name_is_forged(message: Any, is_open: bool) -> None:
    door = Door(*(() if is_open else ("d1",)), is_open=is_open)
    door.takes(inbound(CLIENT_UP, "d1", ready(1)))
    assert door.takes(inbound(CLIENT_UP, "d1", message, signer="thief")) == []
    assert door.refused == {"forged": 1}


def test_a_forged_state_cannot_announce_that_a_device_has_gone() -> None:
    door = Door("d1")
    gone = ClientState(state="offline", language="swh", session=1, number=5)
    assert door.takes(inbound(CLIENT_STATE, "d1", gone, signer="thief")) == []
    assert door.refused == {"forged": 1}


def test_a_message_that_was_moved_to_another_topic_is_damaged() -> None:
    door = Door("d1", "d2")
    moved = Inbound(CLIENT_UP.path("test", "d2"), inbound(CLIENT_UP, "d1", ready(1)).payload)
    assert door.takes(moved) == []
    assert door.refused == {"damaged": 1}


def test_a_message_that_a_broker_repeats_counts_once_and_is_no_attack() -> None:
    door = Door("d1")
    once = inbound(CLIENT_UP, "d1", ready(7))
    assert door.takes(once, once) == ["ClientSaid"]
    assert door.refused == {}


def test_an_older_message_is_replayed() -> None:
    door = Door("d1")
    door.takes(inbound(CLIENT_UP, "d1", ready(2, session=2)))
    assert door.takes(inbound(CLIENT_UP, "d1", ready(1, session=2))) == []
    assert door.refused == {"replayed": 1}


@pytest.mark.parametrize(
    ("late", "number"), [(ready(9), 9), (state(9), 0)], ids=["announces itself", "says what it does"]
)
def test_a_device_that_is_at_work_in_a_session_that_is_over_is_noticed(late: Any, number: int) -> None:
    """On whatever topic the later session was heard."""
    door = Door("d1")
    door.takes(inbound(CLIENT_STATE, "d1", state(1, session=2)))
    topic = CLIENT_UP if number else CLIENT_STATE
    assert door.intake.understand(inbound(topic, "d1", late), 9.0) == [SessionOver(9.0, "d1", 1, number, newest=2)]
    assert door.refused == {"replayed": 1}


def test_that_an_earlier_session_has_ended_needs_no_answer() -> None:
    door = Door("d1")
    door.takes(inbound(CLIENT_STATE, "d1", state(1, session=2)))
    gone = ClientState(state="offline", language="swh", session=1, number=5)
    assert door.takes(inbound(CLIENT_STATE, "d1", gone)) == []


def test_only_the_very_bytes_that_are_stored_are_an_update_that_came_before() -> None:
    door = Door("d1", clients={"d1": Client("d1", SWAHILI, sequence=1)})
    other = Update(HEADER, {"head.bias": np.zeros(2, np.float32)})
    door.stored.add(("d1", 1, update_digest(encode(UPDATE))))
    events = [door.intake.understand(inbound(CLIENT_UP, "d1", one), 9.0)[0] for one in (UPDATE, other)]
    assert [isinstance(event, UpdateArrived) and event.is_stored for event in events] == [True, False]


def test_a_restarted_coordinator_knows_which_announcements_are_old() -> None:
    known = Client("d1", SWAHILI, session=2, announced=5)
    door = Door("d1", clients={"d1": known})
    for older in (ready(4, session=2), ready(9)):
        assert door.takes(inbound(CLIENT_UP, "d1", older)) == ["SessionOver"]
    assert door.refused == {"replayed": 2}
    assert door.takes(inbound(CLIENT_UP, "d1", ready(6, session=2))) == ["ClientSaid"]


def test_no_order_is_expected_between_the_topics_of_a_device() -> None:
    """A broker delivers each topic in order, but a state may overtake an announcement."""
    door = Door("d1")
    assert door.takes(inbound(CLIENT_STATE, "d1", state(8)), inbound(CLIENT_UP, "d1", ready(7))) == ["ClientSaid"] * 2


def test_a_last_will_counts_in_the_present_session_only() -> None:
    door = Door("d1")
    will = ClientState(state="offline", language="swh", session=2, number=0)
    door.takes(inbound(CLIENT_STATE, "d1", state(4, session=2)))
    assert door.takes(inbound(CLIENT_STATE, "d1", will)) == ["ClientSaid"]
    door.takes(inbound(CLIENT_STATE, "d1", state(1, session=3)))
    assert door.takes(inbound(CLIENT_STATE, "d1", will)) == []
    assert door.refused == {"replayed": 1}


def test_a_message_that_is_larger_than_any_update_is_refused_unread() -> None:
    door = Door("d1")
    assert door.takes(Inbound(CLIENT_UP.path("test", "d1"), b"{" + bytes(100_000))) == []
    assert door.refused == {"too large": 1}


def test_a_device_that_sends_more_than_devices_send_is_refused_until_it_calms_down() -> None:
    door = Door("d1", "d2")
    many = [inbound(CLIENT_STATE, "d1", state(1))] * (int(BURST) + 10)
    door.takes(*many)
    assert door.refused == {"too many": 10}
    assert door.takes(inbound(CLIENT_UP, "d2", ready(1))) == ["ClientSaid"], "others are not concerned"
    assert door.takes(inbound(CLIENT_UP, "d1", ready(2)), at=10.0) == ["ClientSaid"]


@pytest.mark.parametrize(
    "odd",
    [
        inbound(CLIENT_UP, "d1", ready(1), federation="other"),
        inbound(CLIENT_DOWN, "d1", Ack(sequence=1)),
        Inbound(CLIENT_UP.path("test", "d1"), encode(ready(1))),
        Inbound(CLIENT_UP.path("test", "d1"), seal(CLIENT_UP.path("test", "d1"), b"{nonsense", key_of("d1"))),
    ],
    ids=["of another federation", "not from a device", "not signed", "nonsense"],
)
def test_what_no_device_of_the_federation_says_is_damaged(odd: Inbound) -> None:
    door = Door("d1")
    assert door.takes(odd) == []
    assert door.refused == {"damaged": 1}


def test_a_state_that_was_removed_from_the_broker_means_nothing() -> None:
    door = Door("d1")
    assert door.takes(Inbound(CLIENT_STATE.path("test", "d1"), b"")) == []
    assert door.refused == {}


def test_a_request_to_be_admitted_comes_with_the_key_that_signed_it() -> None:
    door = Door()
    asked = door.intake.understand(inbound(ENROL_UP, "token-1", request("d1"), signer="d1"), 9.0)
    assert asked == [EnrolAsked(9.0, "token-1", request("d1"), key_of("d1").public)]


def test_an_open_federation_counts_each_device_that_it_meets_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "MAX_DEVICES", 4)
    door = Door(is_open=True)
    for number in range(6):
        device = f"d{number}"
        if door.takes(inbound(CLIENT_STATE, device, state(1))):
            door.state = replace(door.state, enrolments={**door.state.enrolments, device: enrolled(device, token="")})
    assert sorted(door.state.enrolments) == ["d0", "d1", "d2", "d3"]
    assert door.refused == {"full": 2}


def test_a_flood_with_one_invitation_leaves_the_others_open() -> None:
    door = Door(invitations={token: invitation(id=token) for token in ("leaked", "mine")})
    flood = inbound(ENROL_UP, "leaked", request("d1"))
    for _ in range(int(STRANGERS_BURST) + 1):
        door.intake.understand(Inbound(flood.topic, b"nonsense"), 9.0)
    assert door.refused["too many"] > 0
    assert door.takes(inbound(ENROL_UP, "mine", request("d2"))) == ["EnrolAsked"]
