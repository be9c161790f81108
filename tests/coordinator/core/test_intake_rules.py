"""What one dishonest device can do to a federation: nothing but send one bounded update for each assignment."""

from dataclasses import replace

import pytest

from mfpt_coord.core.admission import MAX_LANGUAGES
from mfpt_coord.core.answers import MAX_JUMP
from mfpt_coord.core.client import Client
from mfpt_coord.core.effects import SaveClient
from mfpt_coord.core.events import SessionOver
from mfpt_coord.core.grants import MAX_GRANTS, granted
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import Ack, Assign, Down, Reject, Resync, Stop
from support.admitting import ClosedFederation, enrolled
from support.coordinator_core import SWAHILI, ZULU, Federation


def reasons(told: list[Down]) -> list[str]:
    return [message.reason for message in told if isinstance(message, Reject | Stop)]


def test_ten_invented_ids_change_nothing_in_a_closed_federation() -> None:
    federation = ClosedFederation(buffer=3)
    before = federation.state
    for number in range(10):
        federation.says(f"invented-{number}")
        federation.ready(f"invented-{number}", examples=10_000)
        federation.update(f"invented-{number}", assigned=False)
        assert federation.effects == []
    assert federation.state == before


def test_a_device_sends_one_update_for_a_version_that_it_was_assigned() -> None:
    federation = Federation(buffer=100)
    federation.ready("a")
    federation.update("a", 1, assigned=False)
    assert federation.told("a") == [Ack(sequence=1)]
    for sequence in range(2, 20):
        federation.update("a", sequence, assigned=False)
        assert reasons(federation.told("a")) == ["unassigned"]
    assert (federation.state.counts.accepted, federation.state.counts.rejected) == (1, 18)


def test_an_update_that_was_not_assigned_is_refused() -> None:
    federation = Federation(buffer=3, concurrency=1)
    federation.ready("a")
    federation.ready("b")
    federation.update("b", assigned=False)
    assert reasons(federation.told("b")) == ["unassigned"]
    assert not federation.state.buffer


def test_announcing_itself_again_and_again_gives_a_device_no_second_update() -> None:
    federation = Federation(buffer=100)
    for _ in range(5):
        federation.ready("a")
    federation.update("a", 1, assigned=False)
    federation.ready("a")
    federation.update("a", 2, assigned=False)
    assert (federation.state.counts.accepted, federation.state.counts.rejected) == (1, 1)


def test_an_update_from_a_newer_version_than_the_one_assigned_uses_that_assignment_up() -> None:
    """A device trains from the newest prompt that it has when it begins."""
    federation = Federation(buffer=1)
    federation.ready("a")
    federation.ready("b")
    federation.update("b", 1, assigned=False)
    federation.update("a", 1, base=1, assigned=False)
    assert Ack(sequence=1) in federation.told("a")
    federation.update("a", 2, base=1, assigned=False)
    assert reasons(federation.told("a")) == ["unassigned"]


def test_what_a_device_was_assigned_is_saved_before_it_is_told() -> None:
    federation = Federation()
    federation.ready("a")
    kinds = [type(effect) for effect in federation.effects]
    assert federation.only(SaveClient)[-1].client.grants == (0,)
    assert kinds[-2:] == [SaveClient, type(federation.effects[-1])]
    assert isinstance(federation.told("a")[-1], Assign)


def test_only_the_newest_assignments_are_remembered() -> None:
    client = Client("a", SWAHILI)
    for version in (3, 1, 4, 1, 5, 9, 2, 6):
        client = granted(client, version)
    assert client.grants == (4, 5, 6, 9)
    assert len(client.grants) == MAX_GRANTS


@pytest.mark.parametrize("sequence", [MAX_JUMP + 1, 2**53])
def test_a_sequence_number_that_jumps_is_refused_and_silences_nobody(sequence: int) -> None:
    federation = Federation(buffer=3)
    federation.ready("a")
    federation.update("a", sequence, assigned=False)
    assert reasons(federation.told("a")) == ["incompatible"]
    federation.update("a", 1, assigned=False)
    assert federation.told("a") == [Ack(sequence=1)]


def test_a_device_counts_with_as_many_examples_as_it_was_enrolled_for() -> None:
    federation = ClosedFederation(buffer=3)
    federation.admits("d1", max_examples=35)
    federation.admits("d2")
    federation.ready("d1", examples=10_000)
    federation.ready("d2")
    assert federation.state.clients["d1"].examples == 35
    federation.update("d1", assigned=False, examples=10_000)
    (contribution,) = federation.state.buffer
    assert contribution.header.examples == federation.state.clients["d1"].examples == 35


@pytest.mark.parametrize("what", ["ready", "state", "update"])
def test_a_device_that_was_enrolled_for_a_language_cannot_speak_for_another(what: str) -> None:
    federation = ClosedFederation()
    federation.admits("d1")
    federation.ready("d1")
    match what:
        case "ready":
            federation.ready("d1", ZULU)
            assert reasons(federation.told("d1")) == ["incompatible"]
        case "state":
            federation.says("d1", language=ZULU)
            assert federation.effects == []
        case "update":
            federation.update("d1", language=ZULU, assigned=False)
            assert reasons(federation.told("d1")) == ["incompatible"]
    assert federation.state.clients["d1"].language == SWAHILI
    assert ZULU not in federation.state.prompts


def invented_language(number: int) -> LanguageCode:
    """Return one of the codes that ISO 639-3 leaves for private use, and then any."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return LanguageCode(letters[number // 676 % 26] + letters[number // 26 % 26] + letters[number % 26])


def test_a_thousand_invented_languages_are_not_a_thousand_prompts() -> None:
    federation = Federation(proximity="uniform")
    for number in range(1000):
        federation.ready(f"d{number}", invented_language(number))
    assert len(federation.state.prompts) == MAX_LANGUAGES


def test_a_plan_that_names_languages_lets_devices_bring_no_others() -> None:
    federation = Federation(languages=("swh",))
    federation.ready("a", SWAHILI)
    federation.ready("b", ZULU)
    assert reasons(federation.told("b")) == ["incompatible"]
    assert ZULU not in federation.state.prompts


def test_an_invitation_may_name_a_language_that_the_plan_does_not() -> None:
    federation = ClosedFederation(languages=("swh",))
    federation.invites(language=ZULU)
    federation.asks("d1", language="zul")
    federation.ready("d1", ZULU)
    assert ZULU in federation.state.prompts


def test_an_enrolment_for_another_role_is_no_device() -> None:
    federation = ClosedFederation()
    federation.state = replace(federation.state, enrolments={"m": enrolled("m", role="monitor")})
    federation.ready("m")
    assert federation.effects == []


def test_another_update_under_an_old_number_that_names_another_language_does_not_change_that_of_the_device() -> None:
    federation = ClosedFederation(buffer=100)
    federation.admits("d1")
    federation.ready("d1")
    federation.update("d1", 1, assigned=False)
    federation.update("d1", 1, language=ZULU, assigned=False)
    assert federation.told("d1")[0] == Resync(sequence=1, highest=1)
    assert federation.state.clients["d1"].language == SWAHILI


def test_a_claim_of_a_trillion_examples_does_not_send_a_language_to_the_end_of_the_queue() -> None:
    federation = ClosedFederation(buffer=100, max_examples=50)
    federation.admits("liar")
    federation.ready("liar", examples=10**12)
    federation.update("liar", examples=10**12, assigned=False)
    assert federation.state.clients["liar"].examples == 50
    assert federation.state.buffer[0].header.examples == 50


def test_a_device_whose_session_is_over_is_told_which_one_is_the_newest() -> None:
    federation = ClosedFederation()
    federation.admits("d1")
    for device in ("d1", "uninvited"):
        federation.feed(SessionOver(federation.now, device, session=3, ready=4, newest=9))
        stops = [message for message in federation.sent(device) if isinstance(message, Stop)]
        told = [(stop.reason, stop.session, stop.ready, stop.newest) for stop in stops]
        assert told == ([("incompatible", 3, 4, 9)] if device == "d1" else [])
