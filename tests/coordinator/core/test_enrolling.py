"""Who is admitted: invitations that are right, wrong, used up or expired, and devices that are revoked."""

from dataclasses import replace
from typing import Any

import pytest

from mfpt_coord.core import enrolling
from mfpt_coord.core.effects import Allow, Log, PublishPrompt, SaveClient, SaveEnrolment, SaveInvitation, Withdraw
from mfpt_coord.core.events import DeviceMet, DeviceRenamed, InvitationWithdrawn
from mfpt_coord.core.order import actions
from mfpt_shared.keys import digest
from mfpt_shared.protocol.messages import Ack, Admitted, Assign, Stop
from support.admitting import TOKEN, ClosedFederation, enrolled, refused_because
from support.coordinator_core import SWAHILI, ZULU, Federation
from support.sealing import key_of


def test_an_invited_device_is_admitted_and_bound_to_key_language_and_examples() -> None:
    federation = ClosedFederation()
    federation.invites(max_examples=50)
    answer = federation.asks("d1", name="phone of the school")
    assert answer == Admitted(nonce="n", role="device", language="swh", max_examples=50)
    (saved,) = federation.only(SaveEnrolment)
    enrolment = saved.enrolment
    assert (enrolment.client, enrolment.key, enrolment.token) == ("d1", key_of("d1").public, TOKEN)
    assert (enrolment.language, enrolment.max_examples, enrolment.name) == (SWAHILI, 50, "phone of the school")
    assert (enrolment.password, enrolment.login) == (digest("password-d1"), digest("client-d1"))


def test_the_account_exists_before_the_answer_leaves_and_both_after_the_commit() -> None:
    federation = ClosedFederation()
    federation.invites()
    federation.asks("d1")
    done = [type(action).__name__ for action in actions(federation.effects)]
    assert done.index("Allow") < done.index("AnswerEnrolment")
    assert {type(effect) for effect in federation.effects} >= {SaveEnrolment, SaveInvitation}


def test_a_repeated_request_is_answered_again_and_uses_nothing_up() -> None:
    """The first answer may have been lost, even where the invitation is used up or has expired by now."""
    federation = ClosedFederation()
    federation.invites(uses=1, expires=federation.now + 10)
    first = federation.asks("d1")
    federation.now += 20
    assert federation.asks("d1") == first
    assert federation.state.invitations[TOKEN].uses == 0
    assert federation.only(SaveInvitation) == []
    assert len(federation.only(Allow)) == 1


def test_an_invitation_that_is_withdrawn_stays_so_and_an_unknown_one_changes_nothing() -> None:
    federation = ClosedFederation()
    federation.invites(uses=3)
    federation.feed(InvitationWithdrawn(federation.now, TOKEN))
    assert [effect.invitation.uses for effect in federation.only(SaveInvitation)] == [0]
    before = federation.state
    federation.feed(InvitationWithdrawn(federation.now, TOKEN))
    federation.feed(InvitationWithdrawn(federation.now, "no-such-token"))
    assert federation.state == before
    assert refused_because(federation.asks("d1")) == "used"


@pytest.mark.parametrize(
    ("invited", "asked", "reason"),
    [
        ({"uses": 0}, {}, "used"),
        ({"expires": 999.0}, {}, "expired"),
        ({"id": "another"}, {}, "revoked"),
        ({"language": ZULU}, {}, "language"),
        ({"language": None}, {"language": None}, "language"),
        ({}, {"user": "mfpt"}, "taken"),
        ({}, {"user": "invite-token-1"}, "taken"),
    ],
    ids=["used up", "expired", "unknown", "of another language", "no language", "reserved", "an invitation's name"],
)
def test_a_request_that_the_invitation_does_not_cover_is_refused(
    invited: dict[str, Any], asked: dict[str, Any], reason: str
) -> None:
    federation = ClosedFederation()
    federation.invites(**invited)
    before = federation.state
    assert refused_because(federation.asks(**asked)) == reason
    assert federation.state == before


def test_an_invitation_admits_as_many_as_it_has_uses() -> None:
    federation = ClosedFederation()
    federation.invites(uses=2)
    assert [type(federation.asks(user)) for user in ("d1", "d2")] == [Admitted, Admitted]
    assert refused_because(federation.asks("d3")) == "used"


def test_an_invitation_expires_by_the_clock_of_the_coordinator() -> None:
    federation = ClosedFederation()
    federation.invites(uses=2, expires=federation.now + 10)
    federation.now += 9.9
    assert isinstance(federation.asks("d1"), Admitted)
    federation.now += 0.1
    assert refused_because(federation.asks("d2")) == "expired"


def test_an_id_cannot_be_taken_over_with_another_key() -> None:
    federation = ClosedFederation()
    federation.invites(uses=5)
    federation.asks("d1")
    assert refused_because(federation.asks("d1", signer="thief")) == "taken"
    assert federation.state.enrolments["d1"].key == key_of("d1").public


def test_a_full_federation_admits_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mfpt_coord.core.admission.MAX_DEVICES", 1)
    federation = ClosedFederation()
    federation.invites(uses=2)
    federation.asks("d1")
    assert refused_because(federation.asks("d2")) == "full"


def test_readers_and_monitors_are_bound_to_no_language_and_do_not_train() -> None:
    federation = ClosedFederation()
    federation.invites(role="reader")
    assert federation.asks("r1", language=None) == Admitted(nonce="n", role="reader")
    federation.ready("r1")
    federation.update("r1")
    assert federation.state.clients.keys() <= {"r1"}
    assert federation.told("r1") == []
    assert not federation.state.buffer


def test_a_revoked_device_is_told_and_cut_off_and_its_claims_no_longer_count() -> None:
    federation = ClosedFederation(buffer=3)
    federation.admits("d1")
    federation.admits("d2")
    federation.ready("d1", examples=400)
    federation.ready("d2", examples=10)
    federation.revokes("d1")
    (told,) = federation.told("d1")
    assert isinstance(told, Stop)
    assert told.reason == "revoked"
    (withdrawn,) = federation.only(Withdraw)
    assert withdrawn.whom.client == "d1"
    gone = federation.state.clients["d1"]
    assert (gone.examples, gone.ready, gone.assignment, gone.grants) == (0, False, None, ())
    assert [effect.client for effect in federation.only(SaveClient)] == [gone]


def test_nothing_that_comes_from_a_revoked_device_counts() -> None:
    federation = ClosedFederation(buffer=3)
    federation.admits("d1")
    federation.ready("d1")
    federation.revokes("d1")
    before = federation.state
    federation.update("d1", assigned=False)
    federation.says("d1")
    assert (federation.effects, federation.state) == ([], before)
    federation.ready("d1")
    assert [message.reason for message in federation.told("d1") if isinstance(message, Stop)] == ["revoked"]
    assert federation.state == before


def test_updates_of_a_revoked_device_that_were_accepted_stay() -> None:
    federation = ClosedFederation(buffer=3)
    federation.admits("d1")
    federation.ready("d1")
    federation.ready("d2")
    federation.update("d1")
    federation.revokes("d1")
    assert federation.state.counts.accepted == 1


def test_a_revoked_device_is_not_admitted_again_with_its_old_key() -> None:
    federation = ClosedFederation()
    federation.admits("d1")
    federation.revokes("d1")
    federation.invites(uses=5)
    assert refused_because(federation.asks("d1")) == "revoked"


def test_a_device_that_nobody_admitted_cannot_be_revoked_or_renamed() -> None:
    federation = ClosedFederation()
    federation.revokes("nobody")
    assert federation.effects == []
    federation.feed(DeviceRenamed(federation.now, "nobody", "x"))
    assert federation.effects == []


def test_a_device_can_be_renamed() -> None:
    federation = ClosedFederation()
    federation.admits("d1")
    federation.feed(DeviceRenamed(federation.now, "d1", "phone of the school"))
    assert [effect.enrolment.name for effect in federation.only(SaveEnrolment)] == ["phone of the school"]


def test_an_open_federation_binds_an_id_to_the_first_key() -> None:
    federation = Federation()
    for name in ("d1", "thief"):
        federation.feed(DeviceMet(federation.now, "d1", key_of(name).public, SWAHILI))
    assert federation.state.enrolments["d1"].key == key_of("d1").public


def test_an_open_federation_meets_no_more_devices_than_it_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enrolling, "MAX_DEVICES", 3)
    federation = Federation()
    for number in range(5):
        federation.feed(DeviceMet(federation.now, f"d{number}", key_of("d").public, SWAHILI))
    assert len(federation.state.enrolments) == 3


def test_a_closed_federation_meets_nobody() -> None:
    federation = ClosedFederation()
    federation.feed(DeviceMet(federation.now, "d1", key_of("d1").public, SWAHILI))
    assert (federation.effects, federation.state.enrolments) == ([], {})


def test_an_admitted_device_trains_and_its_update_counts() -> None:
    federation = ClosedFederation(buffer=1)
    federation.admits("d1")
    federation.ready("d1")
    assert [type(message) for message in federation.told("d1")] == [Assign]
    federation.update("d1", assigned=False)
    assert Ack(sequence=1) in federation.told("d1")
    assert federation.state.version == 1
    assert PublishPrompt(SWAHILI) in federation.effects


def test_a_device_that_was_met_while_the_federation_was_open_needs_an_invitation_once_it_is_closed() -> None:
    federation = ClosedFederation()
    federation.state = replace(federation.state, enrolments={"d1": enrolled("d1", token="")})
    federation.ready("d1")
    federation.update("d1")
    assert not federation.state.buffer
    federation.invites(uses=2)
    assert refused_because(federation.asks("d1", signer="thief")) == "taken"
    assert isinstance(federation.asks("d1"), Admitted)
    federation.ready("d1")
    assert [type(message) for message in federation.told("d1")] == [Assign]


def test_a_revoked_device_does_not_come_back_under_another_key_with_its_invitation() -> None:
    federation = ClosedFederation()
    federation.invites(uses=5)
    federation.asks("d1")
    federation.asks("d2")
    federation.revokes("d1")
    assert federation.only(SaveInvitation)[-1].invitation.uses == 0
    assert refused_because(federation.asks("d1-again")) == "used"
    assert federation.state.enrolments["d2"].revoked is None


def test_a_federation_that_was_full_of_uninvited_devices_admits_invited_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever filled it while it was open must not lock out those who are invited once it is closed."""
    monkeypatch.setattr("mfpt_coord.core.admission.MAX_DEVICES", 2)
    federation = ClosedFederation()
    met = {client: enrolled(client, token="") for client in ("x1", "x2")}
    federation.state = replace(federation.state, enrolments=met)
    federation.invites()
    assert isinstance(federation.asks("d1"), Admitted)


def test_a_revoked_device_takes_nobody_s_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mfpt_coord.core.admission.MAX_DEVICES", 1)
    federation = ClosedFederation()
    federation.admits("d1")
    federation.revokes("d1")
    federation.admits("d2")


def test_invented_tokens_do_not_fill_the_log() -> None:
    federation = ClosedFederation()
    federation.invites(uses=0)
    for token, is_detail in (("invented", True), (TOKEN, False)):
        federation.asks("d1", token=token)
        assert [line.is_detail for line in federation.only(Log)] == [is_detail]
