"""A fold of the benchmark, under masks and in the open: from updates on devices to one combined change."""

import secrets
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from masks_bench.device import LANGUAGE, Device
from masks_bench.sides import CoordinatorSide
from mfpt_coord.core.cohorts import grouped
from mfpt_coord.core.combine import combine, parts
from mfpt_shared.base64url import decoded, encoded
from mfpt_shared.errors import MfptError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.masking.cohort import PublicKeys
from mfpt_shared.masking.collector import unmasked
from mfpt_shared.masking.grid import grid
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.messages import (
    Ack,
    Deliver,
    Gather,
    KeyShares,
    Masked,
    MemberKeys,
    Offer,
    Reveal,
    Unmask,
    Update,
)
from mfpt_shared.tensors import Array, dense, flatten, layout

ONE_LANGUAGE: Final = LanguageCode(LANGUAGE)


def open_fold(coordinator: CoordinatorSide, plan: Plan, devices: Sequence[Device]) -> None:
    """Fold updates that travel in the open."""
    updates = coordinator.listen(devices, [device.update() for device in devices], Update)
    with coordinator.at_work():
        deltas = [flatten(dense(update.delta), layout(plan)) for update in updates]
    _combine(coordinator, plan, deltas)
    _acknowledge(coordinator, devices)


def masked_fold(coordinator: CoordinatorSide, plan: Plan, devices: Sequence[Device], silent: float) -> int:
    """Fold updates under masks, and return the number of cohorts.

    Args:
        coordinator: The coordinator.
        plan: Its plan.
        devices: All of one language.
        silent: Share of each cohort that falls silent after its key shares were delivered, when it costs most.

    Raises:
        MfptError: A sum is not that of its survivors' updates.
    """
    offers = coordinator.listen(devices, [device.offer() for device in devices], Offer)
    with coordinator.at_work():
        groups = grouped([ONE_LANGUAGE] * len(devices), lambda _first, _second: 1.0, plan.privacy.min_group)
    means = []
    for group in groups:
        members = [devices[place] for place in group]
        survivors = members[: len(members) - int(silent * len(members))]
        means.append(_mean(coordinator, plan, [offers[place] for place in group], members, survivors))
        _check(plan, means[-1], survivors)
        _acknowledge(coordinator, survivors)
    _combine(coordinator, plan, means)
    return len(groups)


def _mean(
    coordinator: CoordinatorSide, plan: Plan, offers: list[Offer], members: list[Device], survivors: list[Device]
) -> Array:
    """Return the mean of the survivors' updates, as the coordinator learns it."""
    cohort, everybody = encoded(secrets.token_bytes(16)), range(len(members))
    with coordinator.at_work():
        gathers = _gathers(cohort, offers)
    answers = _each(Device.key_shares, members, coordinator.tell(members, gathers))
    shares = [one.shares for one in coordinator.listen(members, answers, KeyShares)]

    delivers = [Deliver(cohort=cohort, shares=tuple(row[place] for row in shares)) for place in everybody]
    answers = _each(Device.masked, survivors, coordinator.tell(members, delivers)[: len(survivors)])
    masked = [one.values for one in coordinator.listen(survivors, answers, Masked)]

    unmask = Unmask(cohort=cohort, survivors=tuple(range(len(survivors))))
    answers = _each(Device.reveal, survivors, coordinator.tell(survivors, [unmask] * len(survivors)))
    reveals = coordinator.listen(survivors, answers, Reveal)
    with coordinator.at_work():
        revealed = {place: [decoded(share) for share in one.shares] for place, one in enumerate(reveals)}
        keys = [PublicKeys(decoded(one.mask_key), decoded(one.share_key)) for one in offers]
        total = unmasked(cohort, dict(enumerate(masked)), keys, frozenset(everybody), revealed)
        return grid(plan).decode(total, len(survivors)).delta


def _gathers(cohort: str, offers: Sequence[Offer]) -> list[Gather]:
    """Return what makes those who offered members of a cohort."""
    keys = tuple(MemberKeys(mask_key=offer.mask_key, share_key=offer.share_key) for offer in offers)
    return [
        Gather(cohort=cohort, sequence=1, sha256=offer.sha256, place=place, factor=1.0, members=keys)
        for place, offer in enumerate(offers)
    ]


def _each(step: Callable[[Device, bytes], bytes], devices: Sequence[Device], payloads: Sequence[bytes]) -> list[bytes]:
    """Let each device take a step with what came for it, and return what they answer."""
    return [step(device, payload) for device, payload in zip(devices, payloads, strict=True)]


def _check(plan: Plan, mean: Array, survivors: Sequence[Device]) -> None:
    """Check that a sum is what it should be."""
    wanted = np.mean([flatten(device.delta, layout(plan)) for device in survivors], axis=0)
    if np.abs(mean - wanted).max() > max(grid(plan).steps):
        raise MfptError("a sum under masks is not that of the updates: this is a bug")


def _combine(coordinator: CoordinatorSide, plan: Plan, deltas: Sequence[Array]) -> None:
    with coordinator.at_work():
        weights = np.full((1, len(deltas)), 1 / len(deltas))
        combine(weights, np.stack(deltas), plan.aggregation, parts(layout(plan)))


def _acknowledge(coordinator: CoordinatorSide, devices: Sequence[Device]) -> None:
    payloads = coordinator.tell(devices, [Ack(sequence=1)] * len(devices))
    for device, payload in zip(devices, payloads, strict=True):
        device.acknowledged(payload)
