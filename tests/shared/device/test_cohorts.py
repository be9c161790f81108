"""A device's cohorts: what it answers, what it refuses, and what is left of its offer then."""

import secrets
from collections.abc import Callable
from typing import Final

import msgspec
import numpy as np
import pytest

from mfpt_shared.base64url import decoded
from mfpt_shared.device.cohorts import Cohorts, NotAwaited
from mfpt_shared.errors import DecodeError, Exposing
from mfpt_shared.masking.cohort import PublicKeys
from mfpt_shared.masking.collector import unmasked
from mfpt_shared.masking.grid import grid
from mfpt_shared.plan import BackboneSpec, Plan, Privacy, PromptSpec, Task
from mfpt_shared.protocol.messages import Gather, Masked, MemberKeys, Offer
from mfpt_shared.tensors import dense, flatten, layout
from support.cohort_peers import Peers, all_masked, update_of

PLAN: Final = Plan(
    task=Task(labels=("a", "b")),
    backbone=BackboneSpec(width=4, layers=2),
    prompt=PromptSpec(tokens=2),
    privacy=Privacy(aggregation="masked"),
)
UPDATE: Final = update_of(PLAN, 0.01, own_share=0.5)
NAME: Final = "a name"


def offering() -> tuple[Cohorts, Offer]:
    cohorts = Cohorts(PLAN, secrets.token_bytes)
    return cohorts, cohorts.offer(UPDATE, NAME, sent=False)


def delivered() -> tuple[Cohorts, Peers, Masked]:
    cohorts, offer = offering()
    peers = Peers(PLAN, offer, delta=0.04)
    deliver = peers.deliver(cohorts.gather(peers.gather()))
    return cohorts, peers, cohorts.deliver(deliver, UPDATE)


def keys_of(offer: Offer) -> tuple[str, str]:
    return offer.mask_key, offer.share_key


# ---- offers


def test_an_offer_says_what_the_update_is_but_not_how_it_did() -> None:
    _, offer = offering()
    assert (offer.sequence, offer.language, offer.base_version, offer.examples) == (1, "swh", 0, 10)
    assert (offer.plan, offer.sha256, offer.sent) == (PLAN.digest, NAME, False)


def test_an_offer_is_repeated_with_its_keys_until_its_cohort_is_over() -> None:
    cohorts, offer = offering()
    assert keys_of(cohorts.offer(UPDATE, NAME, sent=False)) == keys_of(offer)
    peers = Peers(PLAN, offer)
    cohorts.gather(peers.gather())
    assert keys_of(cohorts.offer(UPDATE, NAME, sent=False)) == keys_of(offer)
    cohorts.leave(1)
    again = cohorts.offer(UPDATE, NAME, sent=False)
    assert not set(keys_of(again)) & set(keys_of(offer))


def test_an_update_that_has_left_joins_no_cohort_though_it_is_offered_again() -> None:
    cohorts = Cohorts(PLAN, secrets.token_bytes)
    offer = cohorts.offer(UPDATE, NAME, sent=True)
    assert offer.sent
    with pytest.raises(NotAwaited):
        cohorts.gather(Peers(PLAN, offer).gather())


# ---- a cohort that adds up


def test_the_sum_of_a_cohort_is_the_sum_of_its_updates() -> None:
    cohorts, peers, masked = delivered()
    codes = all_masked(peers, masked)
    keys = [PublicKeys(decoded(one.mask_key), decoded(one.share_key)) for one in peers.keys]
    revealed = {0: cohorts.unmask(peers.unmask()).shares, **peers.revealed()}
    shares = {place: [decoded(share) for share in one] for place, one in revealed.items()}
    total = grid(PLAN).decode(unmasked(peers.name, codes, keys, frozenset(codes), shares), len(codes))
    np.testing.assert_allclose(total.delta, (0.01 + 0.04 + 0.04) / 3, atol=max(grid(PLAN).steps))
    assert total.own_share == pytest.approx(0.5, abs=1e-3), "the mean over the one device that has told it"
    assert cohorts.others(1) == 2


def test_what_the_grid_leaves_out_is_there_when_the_cohort_is_over() -> None:
    cohorts, _, _ = delivered()
    codes, _ = grid(PLAN).codes(dense(UPDATE.delta), 1.0)
    left = cohorts.forget(1)
    assert left is not None
    whole = flatten(left, layout(PLAN)) + codes * grid(PLAN).spacing
    np.testing.assert_allclose(whole, 0.01, rtol=1e-5)
    assert cohorts.cohort(1) == ""


def test_an_update_counts_by_the_factor_of_its_cohort() -> None:
    """What is not to count is not left over either."""
    cohorts, offer = offering()
    peers = Peers(PLAN, offer)
    cohorts.deliver(peers.deliver(cohorts.gather(peers.gather(factor=0.0))), UPDATE)
    left = cohorts.forget(1)
    assert left is not None
    assert not flatten(left, layout(PLAN)).any()


def test_a_cohort_that_an_update_never_entered_leaves_nothing_out() -> None:
    cohorts, offer = offering()
    cohorts.gather(Peers(PLAN, offer).gather())
    assert cohorts.leave(1) is None


# ---- what is refused


def small(peers: Peers) -> Gather:
    return peers.gather(keys=peers.keys[:2])


def doubled(peers: Peers) -> Gather:
    return peers.gather(keys=(*peers.keys, peers.keys[1]))


def displaced(peers: Peers) -> Gather:
    return msgspec.structs.replace(peers.gather(), place=1)


def without_it(peers: Peers) -> Gather:
    stranger = MemberKeys(mask_key="A" * 42 + "E", share_key="A" * 42 + "I")
    return peers.gather(keys=(stranger, *peers.keys[1:]))


def damaged(peers: Peers) -> Gather:
    # The last letter has bits that mean nothing, so that this is no canonical base64url.
    broken = msgspec.structs.replace(peers.keys[1], mask_key="A" * 42 + "B")
    return peers.gather(keys=(peers.keys[0], broken, peers.keys[2]))


@pytest.mark.parametrize("order", [small, doubled, displaced, without_it, damaged])
def test_a_cohort_that_does_not_hide_the_device_is_refused_and_the_offer_stands(
    order: Callable[[Peers], Gather],
) -> None:
    cohorts, offer = offering()
    peers = Peers(PLAN, offer)
    with pytest.raises((Exposing, DecodeError)):
        cohorts.gather(order(peers))
    assert cohorts.cohort(1) == ""
    assert cohorts.gather(peers.gather()).cohort == peers.name


def test_a_cohort_is_joined_once() -> None:
    cohorts, offer = offering()
    peers = Peers(PLAN, offer)
    cohorts.gather(peers.gather())
    with pytest.raises(NotAwaited):
        cohorts.gather(peers.gather())


def test_a_second_cohort_with_the_same_keys_is_refused_and_known_as_one() -> None:
    """The members of the first hold shares of these keys."""
    cohorts, offer = offering()
    first, second = Peers(PLAN, offer), Peers(PLAN, offer, name="another")
    assert not cohorts.has_served(first.gather())
    cohorts.gather(first.gather())
    assert (cohorts.has_served(first.gather()), cohorts.has_served(second.gather())) == (False, True)
    with pytest.raises(NotAwaited):
        cohorts.gather(second.gather())


def test_nothing_is_sent_to_a_cohort_that_was_left() -> None:
    cohorts, offer = offering()
    peers = Peers(PLAN, offer)
    deliver = peers.deliver(cohorts.gather(peers.gather()))
    cohorts.leave(1)
    with pytest.raises(NotAwaited):
        cohorts.deliver(deliver, UPDATE)
    with pytest.raises(NotAwaited):
        cohorts.unmask(peers.unmask())


def test_too_few_key_shares_are_refused() -> None:
    cohorts, offer = offering()
    peers = Peers(PLAN, offer)
    deliver = peers.deliver(cohorts.gather(peers.gather()))
    fewer = msgspec.structs.replace(deliver, shares=(deliver.shares[0], deliver.shares[1], ""))
    with pytest.raises(Exposing):
        cohorts.deliver(fewer, UPDATE)
    assert cohorts.deliver(deliver, UPDATE).header.cohort == peers.name


def test_an_update_is_put_under_masks_once() -> None:
    """The difference of two would be open."""
    cohorts, offer = offering()
    peers = Peers(PLAN, offer)
    deliver = peers.deliver(cohorts.gather(peers.gather()))
    cohorts.deliver(deliver, UPDATE)
    with pytest.raises(Exposing):
        cohorts.deliver(deliver, UPDATE)


@pytest.mark.parametrize("survivors", [(0, 1), (1, 2), (0, 1, 2, 3)], ids=["too few", "without it", "a stranger"])
def test_masks_that_must_stay_stay(survivors: tuple[int, ...]) -> None:
    cohorts, peers, _ = delivered()
    with pytest.raises(Exposing):
        cohorts.unmask(peers.unmask(survivors))
    assert cohorts.unmask(peers.unmask()).cohort == peers.name


def test_what_is_revealed_is_revealed_once() -> None:
    cohorts, peers, _ = delivered()
    cohorts.unmask(peers.unmask())
    with pytest.raises(Exposing):
        cohorts.unmask(peers.unmask())
