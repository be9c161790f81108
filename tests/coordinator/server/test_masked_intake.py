"""What reaches the core of a device's offers, and of its answers as a member of a cohort."""

from dataclasses import replace
from typing import Any, cast

import pytest
from msgspec import structs

from mfpt_coord.core.client import Client
from mfpt_coord.core.events import DeviceMet, MemberSaid, OfferMade
from mfpt_coord.core.state import State, initial
from mfpt_coord.server.intake import Intake
from mfpt_shared.protocol.codec import Decoded
from mfpt_shared.protocol.messages import KeyShares, Masked, Offer, Reveal
from mfpt_shared.protocol.topics import CLIENT_UP
from support.admitting import enrolled
from support.coordinator_core import SWAHILI
from support.federation import tiny_plan
from support.masked_messages import SHA256, UP
from support.sealing import inbound

OFFER, KEY_SHARES = cast(Offer, UP["offer.json"]), cast(KeyShares, UP["key-shares.json"])
REVEAL, MASKED = cast(Reveal, UP["reveal.json"]), cast(Masked, UP["masked.mfpt"])


class Door:
    """An intake, in front of a state that the test may change."""

    def __init__(self, stored: str = "", **changes: Any) -> None:
        about: dict[str, Any] = {"open": False, "enrolments": {"d1": enrolled("d1")}} | changes
        self.state: State = replace(initial(tiny_plan()), **about)
        self.intake = Intake(lambda: self.state, lambda *update: update == ("d1", 3, bytes.fromhex(stored)))

    def takes(self, message: Decoded, device: str = "d1", signer: str = "") -> list[Any]:
        return self.intake.understand(inbound(CLIENT_UP, device, message, signer), 9.0)

    @property
    def refused(self) -> dict[str, int]:
        return dict(self.intake.refusals.counts)


def test_an_offer_and_the_answers_of_a_member_reach_the_core_in_order() -> None:
    door = Door()
    assert door.takes(OFFER) == [OfferMade(9.0, "d1", OFFER)]
    assert door.takes(KEY_SHARES) == [MemberSaid(9.0, "d1", KEY_SHARES)]
    (event,) = door.takes(MASKED)
    assert (event.message.header, event.message.values.tolist()) == (MASKED.header, MASKED.values.tolist())
    assert door.takes(REVEAL) == [MemberSaid(9.0, "d1", REVEAL)]
    assert door.refused == {}


def test_an_answer_that_was_overtaken_is_replayed() -> None:
    door = Door()
    door.takes(REVEAL)
    assert door.takes(KEY_SHARES) == []
    assert door.refused == {"replayed": 1}


def test_an_answer_that_a_broker_repeats_counts_once() -> None:
    door = Door()
    door.takes(KEY_SHARES)
    assert door.takes(KEY_SHARES) == []
    assert door.refused == {}


@pytest.mark.parametrize("message", [KEY_SHARES, MASKED, REVEAL])
def test_nobody_is_a_member_whom_an_open_federation_has_not_met(message: Decoded) -> None:
    door = Door(open=True, enrolments={})
    assert door.takes(message) == []
    assert door.refused == {"uninvited": 1}


def test_an_open_federation_meets_a_device_at_its_first_offer() -> None:
    door = Door(open=True, enrolments={})
    met, offered = door.takes(OFFER)
    assert isinstance(met, DeviceMet)
    assert met.language == SWAHILI
    assert isinstance(offered, OfferMade)
    assert [type(event) for event in door.takes(KEY_SHARES)] == [MemberSaid]


@pytest.mark.parametrize("message", [OFFER, KEY_SHARES, MASKED, REVEAL])
def test_what_another_key_signed_in_a_devices_name_is_forged(message: Decoded) -> None:
    door = Door()
    assert door.takes(message, signer="thief") == []
    assert door.refused == {"forged": 1}


@pytest.mark.parametrize(("stored", "known"), [(SHA256, True), ("ab" * 32, False)])
def test_an_offer_of_what_is_stored_is_known_by_its_digest(stored: str, known: bool) -> None:
    door = Door(stored, clients={"d1": Client("d1", SWAHILI, sequence=3)})
    (event,) = door.takes(OFFER)
    assert event.is_stored is known


@pytest.mark.parametrize(
    "damage",
    [{"sha256": "no digest"}, {"mask_key": "A" * 42 + "B"}, {"share_key": "A" * 42 + "B"}],
    ids=["digest", "mask key", "share key"],
)
def test_an_offer_with_a_digest_or_a_key_that_is_none_is_damaged(damage: dict[str, str]) -> None:
    door = Door()
    assert door.takes(structs.replace(OFFER, **damage)) == []
    assert door.refused == {"damaged": 1}


def test_the_key_shares_for_the_largest_cohort_are_not_too_large() -> None:
    door = Door()
    largest = structs.replace(KEY_SHARES, shares=("A" * 116,) * 32)
    assert [type(event) for event in door.takes(largest)] == [MemberSaid]
