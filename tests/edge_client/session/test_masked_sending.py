"""A device under masks on a broker inside the process, among peers whose coordinator is the test."""

import hashlib
from pathlib import Path

import numpy as np

from mfpt_edge.session.sent_updates import read_update
from mfpt_shared.protocol.codec import encode, understand
from mfpt_shared.protocol.messages import Ack, Assign, ClientState, Offer, Ready, Reveal, Stop
from mfpt_shared.protocol.topics import COORDINATOR_STATE
from mfpt_shared.tensors import dense
from mfpt_shared.transport.base import Inbound
from support.cohort_peers import Peers, update_of
from support.device import next_up
from support.masked_session import (
    PLAN,
    STEP,
    disband,
    gathered,
    lives,
    masked,
    offering,
    outbox_of,
    retrained,
    started_again,
)
from support.session import EPOCH, FEDERATION, online, said


def test_an_update_is_offered_by_a_name_that_says_nothing_of_it_and_stays(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with offering(tmp_path) as (running, offer):
            content = outbox_of(tmp_path).payload(1)
            assert offer.sha256 != hashlib.sha256(content).hexdigest()
            assert len(bytes.fromhex(offer.sha256)) == 32
            assert running.client.snapshot.added_up == "waiting for 2 others or more"
            np.testing.assert_allclose(dense(read_update(content).delta)["prompt"], STEP, atol=1e-6)

    lives(scenario)


def test_a_device_goes_through_a_cohort_to_the_acknowledgement(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with offering(tmp_path) as (running, offer):
            peers = Peers(PLAN, offer)
            sent = await masked(running, peers)
            assert (sent.header.cohort, sent.header.sequence) == (peers.name, 1)
            assert outbox_of(tmp_path).was_sent(1), "noted before it was sent"
            running.told(peers.unmask())
            await next_up(running.spy, Reveal)
            running.told(Ack(sequence=1, sha256=offer.sha256))
            await retrained(running, tmp_path, version=1)
            assert outbox_of(tmp_path).sequences() == (2,)
            assert running.client.snapshot.rounds == 1

    lives(scenario)


def test_what_the_grid_left_out_is_in_the_next_update(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with offering(tmp_path) as (running, offer):
            await masked(running, Peers(PLAN, offer))
            running.told(Ack(sequence=1, sha256=offer.sha256))
            head = dense((await retrained(running, tmp_path, version=1)).delta)["head.bias"]
            assert (head != np.float32(STEP)).any()
            np.testing.assert_allclose(head, STEP, atol=1e-3)

    lives(scenario)


def test_an_update_that_has_not_left_is_offered_with_new_keys_when_its_cohort_is_over(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with offering(tmp_path) as (running, offer):
            peers = Peers(PLAN, offer)
            await gathered(running, peers)
            running.told(disband(offer, peers.name))
            again = await next_up(running.spy, Offer)
            assert (again.sequence, again.sha256, again.sent) == (1, offer.sha256, False)
            assert again.mask_key != offer.mask_key
            assert (await masked(running, Peers(PLAN, again, name="another"))).header.cohort == "another"

    lives(scenario)


def test_an_update_that_has_left_is_in_the_next_one_when_its_cohort_is_over(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with offering(tmp_path) as (running, offer):
            peers = Peers(PLAN, offer)
            await masked(running, peers)
            running.told(disband(offer, peers.name))
            update = await retrained(running, tmp_path, version=0)
            np.testing.assert_allclose(dense(update.delta)["prompt"], 2 * STEP, atol=1e-6)
            assert outbox_of(tmp_path).sequences() == (2,)

    lives(scenario)


def test_the_end_of_an_earlier_cohort_is_not_that_of_the_one_at_work(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with offering(tmp_path) as (running, offer):
            peers = Peers(PLAN, offer)
            await masked(running, peers)
            running.told(disband(offer, "an earlier one"))
            running.told(peers.unmask())
            await next_up(running.spy, Reveal)
            assert outbox_of(tmp_path).sequences() == (1,)

    lives(scenario)


def test_after_a_restart_a_device_says_that_its_update_has_left_and_joins_no_cohort(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with offering(tmp_path) as (running, offer):
            await masked(running, Peers(PLAN, offer))
        async with started_again(tmp_path) as (running, again):
            assert (again.sequence, again.sha256, again.sent) == (1, offer.sha256, True)
            running.told(Peers(PLAN, again, name="another").gather())
            running.told(disband(offer, ""))
            ready = await next_up(running.spy, Ready)
            assert running.client.ignored.counts == {"replayed": 1}
            running.told(Assign(version=0, deadline=60, session=ready.session, ready=ready.number, turn=1))
            await next_up(running.spy, Offer)
            update = read_update(outbox_of(tmp_path).payload(2))
            np.testing.assert_allclose(dense(update.delta)["prompt"], 2 * STEP, atol=1e-6)

    lives(scenario)


def test_keys_that_serve_a_cohort_are_not_used_for_another_when_the_coordinator_has_forgotten_it(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with offering(tmp_path) as (running, offer):
            await gathered(running, Peers(PLAN, offer))
            running.told(Peers(PLAN, offer, name="another").gather())
            assert (await next_up(running.spy, Offer)).mask_key != offer.mask_key

    lives(scenario)


def test_another_coordinator_gets_an_offer_with_new_keys(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with offering(tmp_path) as (running, offer):
            await gathered(running, Peers(PLAN, offer))
            running.hears(said(COORDINATOR_STATE, online(), epoch=EPOCH + 1))
            assert (await next_up(running.spy, Offer)).mask_key != offer.mask_key

    lives(scenario)


def test_a_cohort_that_would_lay_a_device_bare_gets_no_answer(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with offering(tmp_path) as (running, offer):
            peers = Peers(PLAN, offer)
            running.told(peers.gather(keys=peers.keys[:2]))
            assert (await gathered(running, peers)).cohort == peers.name
            assert running.client.ignored.counts["damaged"] == 1

    lives(scenario)


def test_a_device_under_masks_does_not_report_how_a_prompt_did(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with offering(tmp_path) as (running, offer):
            await masked(running, Peers(PLAN, offer))
            running.told(Ack(sequence=1, sha256=offer.sha256))
            ready = running.ready
            running.told(Stop(reason="finished", version=0, session=ready.session, ready=ready.number))
            await running.ended
            inbound = [one for one in await running.spy.receive() if isinstance(one, Inbound)]
            heard = [understand(one.topic, one.payload, FEDERATION) for one in inbound]
            assert {type(one.message) for one in heard if one is not None} == {ClientState}

    lives(scenario)


def test_a_device_offers_its_oldest_update_first_and_the_next_one_when_that_is_answered(tmp_path: Path) -> None:
    """A coordinator takes the newest offer of a device for its only one."""

    async def scenario() -> None:
        for sequence in (3, 4):
            outbox_of(tmp_path).put(sequence, encode(update_of(PLAN, STEP, sequence)))
        async with started_again(tmp_path) as (running, offer):
            assert offer.sequence == 3
            running.told(Ack(sequence=3, sha256=offer.sha256))
            assert (await next_up(running.spy, Offer)).sequence == 4

    lives(scenario)
