"""A cohort under a plan with noise: what the coordinator gets is the mean of the updates, with enough noise on it."""

import msgspec
import numpy as np
import pytest

from mfpt_shared.base64url import decoded
from mfpt_shared.device.cohorts import Cohorts
from mfpt_shared.masking.cohort import PublicKeys
from mfpt_shared.masking.collector import unmasked
from mfpt_shared.masking.grid import Sum, grid
from mfpt_shared.plan import BackboneSpec, Plan, Privacy, PromptSpec, Task
from mfpt_shared.protocol.messages import Deliver, Gather, MemberKeys, Unmask, Update, UpdateHeader
from mfpt_shared.tensors import initial_state
from support.cohort import seeded

COHORT = "c0ff1e"
DEVICES = 4
VALUE = 0.01
PLAN = Plan(
    task=Task(labels=("a", "b")),
    backbone=BackboneSpec(width=200, layers=2),
    prompt=PromptSpec(tokens=4),
    privacy=Privacy(aggregation="masked", clip_norm=5.0, noise="distributed", noise_multiplier=2.0),
)
WANTED = PLAN.privacy.clip_norm * PLAN.privacy.noise_multiplier


def update(sequence: int) -> Update:
    header = UpdateHeader(sequence=sequence, language="swh", base_version=0, examples=9, plan=PLAN.digest, backbone="")
    return Update(header, {name: np.full_like(array, VALUE) for name, array in initial_state(PLAN).items()})


def added_up(plan: Plan, survivors: int = DEVICES) -> Sum:
    """Return what a coordinator gets of the first of four devices; the others drop out before they send theirs."""
    devices = [Cohorts(plan, seeded(place)) for place in range(DEVICES)]
    updates = [update(place + 1) for place in range(DEVICES)]
    offers = [device.offer(one, "", sent=False) for device, one in zip(devices, updates, strict=True)]
    members = [MemberKeys(mask_key=offer.mask_key, share_key=offer.share_key) for offer in offers]
    shares = [
        device.gather(
            Gather(cohort=COHORT, sequence=place + 1, sha256="", place=place, factor=1.0, members=tuple(members))
        ).shares
        for place, device in enumerate(devices)
    ]
    masked = {
        place: devices[place].deliver(
            Deliver(cohort=COHORT, shares=tuple(sent[place] for sent in shares)), updates[place]
        )
        for place in range(DEVICES)
    }
    places = tuple(range(survivors))
    revealed = {place: devices[place].unmask(Unmask(cohort=COHORT, survivors=places)).shares for place in places}
    total = unmasked(
        COHORT,
        {place: masked[place].values for place in places},
        [PublicKeys(decoded(one.mask_key), decoded(one.share_key)) for one in members],
        frozenset(range(DEVICES)),
        {place: [decoded(share) for share in own] for place, own in revealed.items()},
    )
    return grid(plan).decode(total, survivors)


def test_the_smallest_sum_that_members_agree_to_has_the_noise_of_the_plan() -> None:
    least = 3  # two thirds of four, rounded up

    mean = added_up(PLAN, survivors=least)

    assert (mean.delta - VALUE).std() * least == pytest.approx(WANTED, rel=0.1)


def test_a_larger_sum_has_more_noise_and_never_less() -> None:
    mean = added_up(PLAN)

    assert (mean.delta - VALUE).std() * DEVICES == pytest.approx(WANTED * np.sqrt(DEVICES / 3), rel=0.1)


def test_a_sum_with_noise_says_nothing_of_what_devices_measured() -> None:
    mean = added_up(PLAN)

    assert (mean.own_share, mean.accuracy) == (None, None)


def test_with_local_noise_each_device_brings_all_of_it() -> None:
    local = msgspec.structs.replace(PLAN, privacy=msgspec.structs.replace(PLAN.privacy, noise="local"))

    mean = added_up(local)

    assert (mean.delta - VALUE).std() * DEVICES == pytest.approx(WANTED * np.sqrt(DEVICES), rel=0.1)


def test_without_noise_the_sum_is_exact_up_to_rounding() -> None:
    plain = msgspec.structs.replace(PLAN, privacy=Privacy(aggregation="masked", clip_norm=5.0))

    mean = added_up(plain)

    assert np.abs(mean.delta - VALUE).max() <= max(grid(plain).steps) / 2
