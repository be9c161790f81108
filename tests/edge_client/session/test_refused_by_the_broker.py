"""What a device does when its broker no longer wants it, or does not let it read everything."""

import asyncio
import itertools
from pathlib import Path
from typing import Final

import pytest

from mfpt_edge.session.channel import Listener, client_will
from mfpt_edge.session.client import EdgeClient
from mfpt_edge.session.fetch import fetch_over
from mfpt_edge.session.freshness import Freshness
from mfpt_edge.session.lost_connection import ANYBODY, MEMBER, REFUSALS, REFUSED_SECONDS, LostConnection
from mfpt_edge.session.snapshot import Snapshot
from mfpt_edge.session.status_publisher import Observer
from mfpt_edge.session.trust import Trust
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_shared.errors import AuthenticationFailed, ConnectionFailed
from mfpt_shared.protocol.topics import LANGUAGE_RELATIONS
from mfpt_shared.transport.base import Connected, Disconnected, Event, SubscriptionRefused
from mfpt_shared.transport.in_process import MemoryBroker, MemoryTransport
from support.session import FEDERATION, SWAHILI
from support.stub import StubTrainer

RETRIES: Final = 9
REFUSED: Final = Disconnected("Not authorized", 1, refused=True)
UNREACHABLE: Final = Disconnected("nobody there", 1)
THE_END: Final = Disconnected("nobody there", RETRIES)


def run(folder: Path, *events: Event, observe: Observer = lambda _: None) -> None:
    """Run a device that meets these events, one after the other, from its transport."""

    async def scenario() -> None:
        place = DeviceFolder(folder)
        session = place.begin_session(place.enrol(SWAHILI))
        transport = MemoryTransport(MemoryBroker(), client_will(FEDERATION, session))
        ticks = itertools.count(step=REFUSED_SECONDS)  # as if every look at the clock took so long
        client = EdgeClient(
            place,
            session,
            FEDERATION,
            transport,
            trust=Trust(),
            prepare=lambda _: StubTrainer(),
            clock=lambda: next(ticks),
            retries=RETRIES,
            observe=observe,
        )
        await transport.connect()
        for event in events:
            transport.put(event)
        await client.run()

    asyncio.run(asyncio.wait_for(scenario(), 10))


def test_a_device_ends_when_its_credentials_are_refused_three_times_in_a_row(tmp_path: Path) -> None:
    with pytest.raises(AuthenticationFailed, match="was its password changed"):
        run(tmp_path, REFUSED, REFUSED, REFUSED, THE_END)


def test_a_member_whose_credentials_are_refused_is_told_that_it_may_have_been_revoked() -> None:
    lost = LostConnection(MEMBER)
    lost.note(REFUSED, 0.0)
    lost.note(REFUSED, 1.0)
    with pytest.raises(AuthenticationFailed, match="ask for a new invitation"):
        lost.note(REFUSED, REFUSED_SECONDS)


def test_refusals_within_a_moment_do_not_end_a_device() -> None:
    """A broker whose logins are decided by the coordinator refuses everybody while it starts."""
    lost = LostConnection(MEMBER)
    for at in range(REFUSALS + 1):
        lost.note(REFUSED, at)
    lost.mended()
    lost.note(REFUSED, REFUSED_SECONDS)


def test_whoever_was_told_of_a_lost_connection_is_told_that_it_is_there_again(caplog: pytest.LogCaptureFixture) -> None:
    lost = LostConnection(ANYBODY)
    lost.mended()
    assert not caplog.records
    lost.note(Disconnected("cut", 1), 0.0)
    lost.mended()
    lost.mended()
    assert [record.getMessage() for record in caplog.records][1:] == ["the broker is there again"]


def test_every_new_reason_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    lost = LostConnection(ANYBODY)
    for reason in ("cut", "nobody there", "nobody there"):
        lost.note(Disconnected(reason, 1), 0.0)
    assert [record.getMessage().count("reconnecting") for record in caplog.records] == [1, 1]


@pytest.mark.parametrize("between", [UNREACHABLE, Connected()])
def test_refusals_that_are_not_in_a_row_do_not_end_a_device(between: Event, tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailed, match=f"{RETRIES} attempts"):
        run(tmp_path, REFUSED, REFUSED, between, REFUSED, REFUSED, THE_END)


def test_a_device_says_what_the_broker_does_not_let_it_read(tmp_path: Path) -> None:
    shown: list[Snapshot] = []
    refused = SubscriptionRefused(("mfpt/v1/here/plan", "mfpt/v1/here/down"))
    with pytest.raises(ConnectionFailed):
        run(tmp_path, refused, THE_END, observe=shown.append)
    assert any("to let this device read mfpt/v1/here/plan, mfpt/v1/here/down" in seen.waits_for for seen in shown)


def test_a_device_can_do_without_what_is_only_for_people(tmp_path: Path) -> None:
    shown: list[Snapshot] = []
    relations = SubscriptionRefused((LANGUAGE_RELATIONS.path(FEDERATION, SWAHILI),))
    with pytest.raises(ConnectionFailed):
        run(tmp_path, relations, THE_END, observe=shown.append)
    assert not any("to let this device read" in seen.waits_for for seen in shown)


def test_whoever_may_not_read_a_prompt_is_told_instead_of_waiting() -> None:
    async def scenario() -> None:
        transport = MemoryTransport(MemoryBroker())
        transport.put(SubscriptionRefused(("mfpt/v1/default/prompt/swh",)))
        with pytest.raises(AuthenticationFailed, match="prompt/swh"):
            await fetch_over(transport, Listener(FEDERATION, Trust(), Freshness()), SWAHILI)

    asyncio.run(asyncio.wait_for(scenario(), 10))
