"""What a cohort makes of members who answer late, twice, wrongly, or not at all."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs

from mfpt_coord.core.stages import STAGE_SECONDS, begun
from mfpt_shared.base64url import encoded
from mfpt_shared.protocol.messages import Ack, Disband, KeyShares, Masked, Reveal
from support.masked_core import MaskedFederation, masked_plan
from support.masked_device import Said

FOUR = ("a", "b", "c", "d")


def four() -> MaskedFederation:
    """Return a federation in which a cohort of four devices has been formed, of whom three are enough."""
    federation = MaskedFederation(masked_plan(buffer=4))
    for name in FOUR:
        federation.offers(name)
    return federation


def answer(federation: MaskedFederation, name: str) -> Said:
    said = federation.devices[name].hears(federation.mail[name].popleft())
    assert said is not None
    return said


def at_stage(federation: MaskedFederation, number: int, names: Sequence[str] = FOUR) -> dict[str, Said]:
    """Let all devices answer until a stage, and return the answers of some of them at it."""
    for _ in range(number):
        for name, said in {name: answer(federation, name) for name in FOUR}.items():
            federation.says(name, said)
    return {name: answer(federation, name) for name in names}


def survivors(federation: MaskedFederation) -> list[str]:
    (saved,) = federation.sums
    return [one.client for one in saved.contribution.survivors]


def test_a_member_that_is_started_anew_before_it_has_sent_its_update_drops_out_and_waits_for_the_next_fold() -> None:
    federation = four()
    answers = at_stage(federation, 1, "abc")
    federation.devices["d"].restarts()
    federation.says("d", federation.devices["d"].offers())
    for name in "abc":
        federation.says(name, answers[name])
    federation.settles()
    assert survivors(federation) == ["a", "b", "c"]
    assert [one.client for one in federation.state.offers] == ["d"]


def test_a_member_that_is_started_anew_after_it_has_sent_its_update_counts_all_the_same() -> None:
    federation = four()
    for name, said in at_stage(federation, 1).items():
        federation.says(name, said)
    federation.devices["d"].restarts()
    federation.says("d", federation.devices["d"].offers())
    federation.settles()
    assert survivors(federation) == [*FOUR]
    assert federation.devices["d"].counted == [1]


def test_a_cohort_ends_at_once_when_too_few_members_are_left() -> None:
    federation = four()
    for name in "ab":
        federation.devices[name].restarts()
        federation.says(name, federation.devices[name].offers())
    assert federation.state.cohorts == ()
    assert [type(federation.mail[name][-1]) for name in "cd"] == [Disband, Disband]


def test_the_first_answer_of_a_member_counts() -> None:
    federation = four()
    answers = at_stage(federation, 1)
    for name in "abc":
        federation.says(name, answers[name])
    other = answers["a"]
    assert isinstance(other, Masked)
    federation.says("a", Masked(other.header, other.values + np.uint16(1)))
    federation.says("d", answers["d"])
    federation.settles()
    (saved,) = federation.sums
    assert saved.total.tolist() == np.sum([federation.devices[name].codes[1] for name in FOUR], axis=0).tolist()


def test_a_masked_update_of_another_length_is_none() -> None:
    federation = four()
    answers = at_stage(federation, 1)
    for name in FOUR:
        said = answers[name]
        assert isinstance(said, Masked)
        federation.says(name, Masked(said.header, said.values[: -1 if name == "d" else None]))
    federation.passes(STAGE_SECONDS)
    federation.settles()
    assert survivors(federation) == ["a", "b", "c"]


def test_a_list_that_is_too_short_is_no_answer() -> None:
    federation = four()
    answers = at_stage(federation, 0)
    for name in FOUR:
        said = answers[name]
        assert isinstance(said, KeyShares)
        federation.says(name, structs.replace(said, shares=said.shares[: 3 if name == "d" else 4]))
    federation.passes(STAGE_SECONDS)
    federation.settles("d")
    assert survivors(federation) == ["a", "b", "c"]


@pytest.mark.parametrize("damaged", ["AAB", encoded(b"short"), ""], ids=["no base64url", "too short", "none"])
def test_who_sends_one_key_share_that_nobody_can_open_drops_out_alone(damaged: str) -> None:
    federation = four()
    for name, said in at_stage(federation, 0).items():
        assert isinstance(said, KeyShares)
        others = (damaged, *said.shares[1:])
        federation.says(name, structs.replace(said, shares=others) if name == "d" else said)
    federation.passes(STAGE_SECONDS)
    federation.settles("d")
    assert survivors(federation) == ["a", "b", "c"]


def test_a_number_that_is_no_key_share_is_made_up_for_by_another_answer() -> None:
    federation = four()
    answers = at_stage(federation, 2)
    said = answers["a"]
    assert isinstance(said, Reveal)
    federation.says("a", structs.replace(said, shares=(encoded(bytes([255] * 33)),) * 4))
    for name in "bcd":
        federation.says(name, answers[name])
    assert survivors(federation) == [*FOUR]


def test_a_cohort_has_its_own_id_even_where_devices_use_their_keys_again() -> None:
    federation = four()
    members = federation.state.cohorts[0].members
    again = [replace(one, offer=structs.replace(one.offer, sequence=one.offer.sequence + 1)) for one in members]
    first, second = (begun(offers, 3, federation.now)[0] for offers in (members, again))
    assert federation.state.cohorts[0].id == first.id
    assert first.id != second.id


def test_an_answer_that_takes_no_mask_off_is_made_up_for_by_another() -> None:
    federation = four()
    answers = at_stage(federation, 2)
    said = answers["a"]
    assert isinstance(said, Reveal)
    federation.says("a", structs.replace(said, shares=("AAB",) * 4))
    federation.says("a", structs.replace(said, shares=(encoded(b"short"),) * 4))
    for name in "bc":
        federation.says(name, answers[name])
    assert federation.sums == []
    federation.says("d", answers["d"])
    assert survivors(federation) == [*FOUR]


def test_answers_that_fit_no_sum_end_a_cohort_that_nobody_else_can_save() -> None:
    federation = four()
    for name, said in at_stage(federation, 2).items():
        assert isinstance(said, Reveal)
        federation.says(name, structs.replace(said, shares=(encoded(bytes([1] * 33)),) * 4))
    assert federation.state.cohorts == ()
    assert federation.sums == []
    assert all(isinstance(federation.mail[name][-1], Disband) for name in FOUR)


def test_what_a_device_says_to_a_cohort_that_it_is_not_in_changes_nothing() -> None:
    federation = four()
    said = at_stage(federation, 0)["a"]
    federation.device("stranger")
    before = federation.state
    federation.says("stranger", said)
    assert federation.state is before


def test_an_acknowledgement_names_the_update_and_how_far_it_was_behind() -> None:
    federation = four()
    offer = federation.devices["a"].offers()
    federation.settles("a")
    while not federation.sums:
        federation.reads("a")
        federation.settles("a")
    assert Ack(sequence=1, sha256=offer.sha256) in federation.mail["a"]
