"""When an update leaves under masks: once noted on the disk, while its cohort is at work, and never in the open."""

import asyncio
import errno
import os
from pathlib import Path

from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_edge.storage.outbox import Outbox
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import (
    Masked,
    Offer,
    Update,
)
from support.cohort_peers import Peers, update_of
from support.device import assigned, next_up
from support.masked_session import (
    NOW,
    PLAN,
    STEP,
    disband,
    gathered,
    lives,
    masked,
    offering,
    outbox_of,
)
from support.session import (
    broker_of_a_running_federation,
)
from support.stub import StubTrainer


class _FullDisk(DeviceFolder):
    """A state folder that takes no note of what leaves, until it is emptied."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.is_full = True
        self.refused = asyncio.Event()

    def outbox(self) -> Outbox:
        folder = self

        class Full(Outbox):
            def note_sent(self, sequence: int) -> None:
                if folder.is_full:
                    folder.refused.set()
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                super().note_sent(sequence)

        return Full(self.path / "outbox")


def test_an_update_leaves_when_the_disk_has_taken_note_of_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        disk = _FullDisk(tmp_path)
        async with offering(disk) as (running, offer):
            peers = Peers(PLAN, offer)
            running.told(peers.deliver(await gathered(running, peers)))
            await disk.refused.wait()
            assert not outbox_of(tmp_path).was_sent(1)
            disk.is_full = False
            await next_up(running.spy, Masked)
            assert outbox_of(tmp_path).was_sent(1)

    lives(scenario)


def test_an_update_that_the_disk_kept_back_until_its_cohort_was_over_does_not_leave(tmp_path: Path) -> None:
    """It is offered again by then: two sums with one update would show it."""

    async def scenario() -> None:
        disk = _FullDisk(tmp_path)
        async with offering(disk) as (running, offer):
            peers = Peers(PLAN, offer)
            running.told(peers.deliver(await gathered(running, peers)))
            await disk.refused.wait()
            running.told(disband(offer, peers.name))
            again = await next_up(running.spy, Offer)
            disk.is_full = False
            sent = await masked(running, Peers(PLAN, again, name="another"))
            assert sent.header.cohort == "another"

    lives(scenario)


def test_in_the_open_nothing_leaves_that_was_made_for_masks(tmp_path: Path) -> None:
    """The coordinator would have read it before it could say that it is of another plan."""

    async def scenario() -> None:
        outbox_of(tmp_path).put(1, encode(update_of(PLAN, STEP)))
        broker = broker_of_a_running_federation(0)
        async with assigned(tmp_path, broker, version=0, trainer=StubTrainer(), clock=lambda: NOW) as running:
            update = await next_up(running.spy, Update)
            assert update.header.sequence == 2
            assert outbox_of(tmp_path).sequences() == (2,)

    lives(scenario)
