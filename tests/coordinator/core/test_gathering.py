"""How offers become a sum under masks, and the sum a version."""

import numpy as np
import pytest

from mfpt_coord.core.effects import SaveClient, SaveSum, Send
from mfpt_coord.core.stages import STAGE_SECONDS
from mfpt_shared.languages import UNDETERMINED
from mfpt_shared.masking.grid import Extras, grid
from mfpt_shared.protocol.messages import Ack, Disband
from support.coordinator_core import SWAHILI, ZULU
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


@pytest.mark.parametrize("examples", [(10, 10, 10), (1, 30, 500)])
def test_the_weights_of_a_version_are_kept_for_every_update(examples: tuple[int, ...]) -> None:
    federation = MaskedFederation()
    for name, count in zip(NAMES, examples, strict=True):
        federation.offers(name, examples=count)
    federation.settles()
    (fold,) = federation.folds
    assert list(fold.updates) == [("a", 1), ("b", 1), ("c", 1)]
    assert fold.weights.shape == (len(fold.prompts), 3)
    assert np.allclose(fold.weights, fold.weights[:, :1])
