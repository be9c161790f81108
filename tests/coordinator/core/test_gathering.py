"""How offers become a sum under masks, and the sum a version."""

from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs

from mfpt_coord.core.effects import SaveClient, SaveSum, Send
from mfpt_coord.core.events import ClientSaid, UpdateArrived
from mfpt_coord.core.stages import STAGE_SECONDS
from mfpt_coord.core.status import federation_status
from mfpt_shared.languages import UNDETERMINED
from mfpt_shared.masking.grid import Extras, grid
from mfpt_shared.plan import Privacy
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import Ack, Disband, Ready, Reject, Resync, Stop, Update, UpdateHeader
from mfpt_shared.tensors import unflatten
from support.admitting import enrolled
from support.coordinator_core import FINGERPRINT, SWAHILI, ZULU
from support.masked_core import MaskedFederation, masked_plan

NAMES = ("a", "b", "c")


def offering(*names: str, **about: object) -> MaskedFederation:
    federation = MaskedFederation(masked_plan(**about))  # type: ignore[arg-type]  # plain keywords of a test
    for name in names:
        federation.offers(name)
    return federation


def test_three_offers_become_a_sum_and_the_sum_a_version() -> None:
    federation = offering(*NAMES)
    federation.settles()
    assert federation.state.version == 1
    (saved,) = federation.sums
    assert [one.client for one in saved.contribution.survivors] == [*NAMES]
    assert all(device.counted == [1] for device in federation.devices.values())


def test_a_version_is_moved_by_the_mean_of_the_updates_in_a_sum() -> None:
    federation = MaskedFederation()
    before = federation.state.prompts[UNDETERMINED]
    for name, delta in zip(NAMES, (0.01, 0.02, 0.03), strict=True):
        federation.offers(name, delta=delta)
    federation.settles()
    moved = federation.state.prompts[SWAHILI] - before
    assert moved == pytest.approx(0.02, abs=max(grid(federation.plan).steps))


def test_a_sum_and_the_numbers_of_its_updates_are_saved_together_before_anybody_is_told() -> None:
    federation = offering(*NAMES)
    while not federation.sums:
        for name in NAMES:
            federation.reads(name)
            if federation.sums:
                break
    saved = [effect for effect in federation.effects if isinstance(effect, SaveSum | SaveClient)]
    assert [type(effect) for effect in saved[:4]] == [SaveSum, SaveClient, SaveClient, SaveClient]
    told = [effect for effect in federation.effects if isinstance(effect, Send) and isinstance(effect.message, Ack)]
    assert sorted(effect.client for effect in told) == [*NAMES]


def test_two_offers_wait_for_a_third() -> None:
    federation = offering("a", "b")
    federation.passes(10_000)
    assert federation.state.cohorts == ()
    federation.offers("c")
    federation.settles()
    assert federation.state.version == 1


def test_who_does_not_send_key_shares_is_left_out_and_offers_again() -> None:
    federation = offering(*NAMES, "d", buffer=4)
    federation.settles("d")
    assert federation.state.version == 0
    federation.passes(STAGE_SECONDS)
    federation.settles("d")
    assert federation.state.version == 1
    federation.settles()
    assert [one.client for one in federation.state.offers] == ["d"]
    assert federation.devices["d"].carried == []


def test_who_sends_no_masked_update_in_time_is_not_in_the_sum_and_carries_it_on() -> None:
    federation = offering(*NAMES, "d", buffer=4)
    federation.reads("d")
    for name in NAMES:
        federation.reads(name)
    federation.reads("d", answers=False)
    federation.settles("d")
    federation.passes(STAGE_SECONDS)
    federation.settles()
    (saved,) = federation.sums
    assert [one.client for one in saved.contribution.survivors] == [*NAMES]
    assert federation.devices["d"].carried == [1]
    assert saved.contribution.delta == pytest.approx(0.01, abs=max(grid(federation.plan).steps))


def test_a_stage_does_not_wait_for_a_device_that_has_gone() -> None:
    federation = offering(*NAMES, "d", buffer=4)
    federation.gone("d")
    federation.settles("d")
    assert federation.state.version == 1


def test_a_cohort_with_too_few_devices_left_teaches_nothing_and_loses_nothing() -> None:
    federation = offering(*NAMES)
    federation.settles("c")
    federation.passes(STAGE_SECONDS)
    assert federation.state.cohorts == ()
    assert federation.sums == []
    assert "a cohort of 3 devices in swh failed" in federation.log[-1]
    assert "nothing was learned, and nothing is lost" in federation.log[-1].lower()
    federation.settles()
    federation.settles()
    assert federation.state.version == 1
    assert all(device.counted == [1] for device in federation.devices.values())


def test_an_update_that_counts_is_acknowledged_again_and_counts_once() -> None:
    federation = offering(*NAMES)
    offer = federation.devices["a"].offers()
    federation.settles()
    federation.says("a", offer)
    assert federation.mail["a"][-1] == Ack(sequence=1, sha256=offer.sha256)
    assert federation.state.offers == ()


def test_what_was_sent_to_a_cohort_that_nobody_remembers_is_not_taken_again() -> None:
    federation = offering(*NAMES)
    for _ in range(2):
        for name in NAMES:
            federation.reads(name)
    assert all(device.held is not None and device.held.sent for device in federation.devices.values())
    federation.starts_again()
    for name in NAMES:
        federation.mail[name].clear()
        federation.devices[name].restarts()
        federation.says(name, federation.devices[name].offers())
        (told,) = federation.mail[name]
        assert isinstance(told, Disband)
    federation.settles()
    assert all(device.carried == [1] for device in federation.devices.values())


def test_languages_with_few_devices_are_added_up_together_and_teach_nothing_about_each_other() -> None:
    federation = MaskedFederation()
    for name, language in zip(NAMES, (SWAHILI, SWAHILI, ZULU), strict=True):
        federation.offers(name, language, extras=Extras(own_share=0.5, accuracy=0.75))
    federation.settles()
    (fold,) = federation.folds
    assert federation.log[0] == "a cohort of 3 devices in swh and zul adds up its updates"
    assert (fold.directions, fold.comparisons, fold.shares) == ({}, {}, {})
    assert all(client.accuracy is None for client in federation.state.clients.values())
    assert federation.state.contributed == {SWAHILI: 20, ZULU: 10}


def test_a_cohort_of_one_language_says_how_accurate_its_prompt_is_and_what_its_devices_keep() -> None:
    federation = MaskedFederation()
    for sequence in range(2):
        for name, kept in zip(NAMES, (0.2, 0.4, 0.6), strict=True):
            federation.offers(name, extras=Extras(own_share=kept if sequence else None, accuracy=kept))
        federation.settles()
    assert [client.accuracy for client in federation.state.clients.values()] == pytest.approx([0.4] * 3, abs=1e-3)
    (share,) = federation.folds[-1].shares.values()
    assert share.share == pytest.approx(0.4, abs=1e-3)
    assert set(federation.folds[-1].directions) == {SWAHILI}


def test_what_is_kept_beside_a_prompt_of_the_first_versions_tells_nothing_in_a_sum_either() -> None:
    federation = MaskedFederation(masked_plan(start_together=1))
    for kept in (None, 0.5):
        # All update from version 0 in the first round, and one does in the second one too.
        for name in NAMES:
            base = 0 if name == "a" else federation.state.version
            federation.offers(name, extras=Extras(own_share=kept, accuracy=0.5), base=base)
        federation.settles()
    assert federation.folds[-1].shares == {}


def test_what_devices_chose_beside_an_earlier_prompt_tells_nothing_of_this_one_in_a_sum_either() -> None:
    federation = MaskedFederation(masked_plan(buffer=6))
    shown: list[float] = []
    for kept, accuracy in ((None, 0.5), (0.5, 0.5), (0.9, None)):
        for language in (SWAHILI, ZULU):
            for name in NAMES:
                federation.offers(f"{language}{name}", language, extras=Extras(own_share=kept, accuracy=accuracy))
        federation.settles()
        shown += [one.disagreement for of, one in federation.folds[-1].shares.items() if of[0] == SWAHILI]
    before, after = shown
    assert before == after != 0.0


def test_updates_that_are_behind_enter_the_sum_with_less_weight() -> None:
    federation = offering(*NAMES)
    federation.settles()
    for name in NAMES:
        federation.offers(name, base=0 if name == "c" else 1)
    federation.settles()
    factors = [device.factor for device in federation.devices.values()]
    assert factors[:2] == [1.0, 1.0]
    assert 0 < factors[2] < 1
    assert [one.staleness for one in federation.sums[-1].contribution.survivors] == [0, 0, 1]


def test_a_sum_uses_the_assignments_of_its_members_up() -> None:
    federation = offering(*NAMES)
    federation.settles()
    federation.says("a", federation.devices["a"].trains(0, np.zeros(federation.values, np.float32)))
    (answer,) = federation.mail["a"]
    assert isinstance(answer, Reject)
    assert answer.reason == "unassigned"


def test_another_update_under_a_number_that_counts_gets_a_new_number() -> None:
    federation = offering(*NAMES)
    federation.settles()
    federation.devices["a"].last = 0
    federation.offers("a", delta=0.02)
    (answer,) = federation.mail["a"]
    assert isinstance(answer, Resync)
    assert answer.highest == 1


def test_an_update_in_the_open_is_refused_under_masks() -> None:
    federation = MaskedFederation()
    header = UpdateHeader(
        sequence=1, language=SWAHILI, base_version=0, examples=9, plan=federation.plan.digest, backbone=FINGERPRINT
    )
    update = Update(header, unflatten(np.zeros(federation.values, np.float32), federation.state.layout))
    federation.feed(UpdateArrived(federation.now, "a", update, encode(update)))
    (answer,) = federation.mail["a"]
    assert isinstance(answer, Reject)
    assert "takes updates under masks alone" in answer.detail


def test_an_offer_is_refused_in_the_open() -> None:
    federation = MaskedFederation(structs.replace(masked_plan(), privacy=Privacy()))
    federation.offers("a")
    (answer,) = federation.mail["a"]
    assert isinstance(answer, Reject)
    assert "takes updates in the open" in answer.detail


def test_a_device_that_holds_an_update_is_not_assigned_another() -> None:
    federation = MaskedFederation()
    for name in NAMES:
        federation.device(name)
        ready = Ready(language=SWAHILI, examples=10, plan=federation.plan.digest, backbone=FINGERPRINT)
        federation.feed(ClientSaid(federation.now, name, ready))
        federation.mail[name].clear()
    federation.offers("a")
    federation.passes(100)
    assert list(federation.mail["a"]) == []
    federation.offers("b")
    federation.offers("c")
    federation.settles()
    assert all(client.assignment is not None for client in federation.state.clients.values())


def test_nobody_who_was_revoked_is_in_a_cohort() -> None:
    federation = offering("a", "b")
    federation.state = replace(federation.state, enrolments={"a": replace(enrolled("a"), revoked=1.0)})
    federation.offers("c")
    assert federation.state.cohorts == ()
    assert [offer.client for offer in federation.state.offers] == ["b", "c"]


def test_the_status_counts_offers_as_what_fills_the_buffer() -> None:
    federation = offering("a", "b")
    status = federation_status(federation.state, 0.0, federation.now)
    assert (status.buffer, status.buffer_size) == (2, 3)


def test_after_the_last_version_offers_are_answered_with_the_end() -> None:
    federation = offering(*NAMES)
    federation.state = replace(federation.state, last_version=1)
    federation.settles()
    federation.offers("a")
    (answer,) = federation.mail["a"]
    assert isinstance(answer, Stop)
    assert answer.reason == "finished"
