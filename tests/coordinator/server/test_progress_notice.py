"""When the coordinator says how far the next version is."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from mfpt_coord.core.state import State
from mfpt_coord.server import progress_notice
from mfpt_coord.server.channel import Channel, CoordinatorIdentity
from mfpt_coord.server.progress_notice import PROGRESS_SECONDS, ProgressNotice
from mfpt_shared.protocol.codec import understand
from mfpt_shared.protocol.messages import Progress
from mfpt_shared.protocol.topics import COORDINATOR_PROGRESS
from mfpt_shared.transport.in_process import MemoryBroker, MemoryTransport
from support.coordinator_core import Federation
from support.sealing import key_of

PATH = COORDINATOR_PROGRESS.path("test")


class Board:
    """A notice, and what the broker keeps of it."""

    def __init__(self, broker: MemoryBroker, channel: Channel) -> None:
        self.broker = broker
        self.notice = ProgressNotice(channel)

    @property
    def shown(self) -> Progress | None:
        received = understand(PATH, self.broker.retained.get(PATH, b""), "test")
        if received is None:
            return None
        assert isinstance(received.message, Progress)
        return received.message


def at_a_board(scenario: Callable[[Board], None]) -> None:
    async def play() -> None:
        broker = MemoryBroker()
        identity = CoordinatorIdentity("c0", started=5.0, epoch=3, key=key_of("coordinator"))
        channel = Channel(MemoryTransport(broker), "test", identity, lambda: 9.0)
        await channel.connect()
        await channel.receive()
        scenario(Board(broker, channel))

    asyncio.run(play())


def with_devices(count: int) -> State:
    federation = Federation(buffer=5)
    for number in range(count):
        federation.ready(f"d{number}")
    return federation.state


def test_a_change_is_published_at_once_and_the_next_one_a_little_later() -> None:
    def scenario(board: Board) -> None:
        later = with_devices(2)
        board.notice.follow(with_devices(1), 100.0)
        assert board.shown is not None
        assert board.shown.training == 1
        board.notice.follow(later, 101.0)
        assert board.shown.training == 1
        assert board.notice.next_deadline == 100.0 + PROGRESS_SECONDS
        board.notice.follow(later, 100.0 + PROGRESS_SECONDS)
        assert board.shown.training == 2
        assert board.notice.next_deadline == float("inf")

    at_a_board(scenario)


def test_what_changes_nothing_that_a_device_waits_for_is_not_published() -> None:
    def scenario(board: Board) -> None:
        state = with_devices(1)
        board.notice.follow(state, 100.0)
        board.broker.retained.clear()
        board.notice.follow(replace(state, opened=7.0), 200.0)
        assert board.shown is None

    at_a_board(scenario)


def test_what_a_broker_may_have_lost_is_published_again() -> None:
    def scenario(board: Board) -> None:
        state = with_devices(1)
        board.notice.follow(state, 100.0)
        board.broker.retained.clear()
        board.notice.repeat()
        board.notice.follow(state, 100.0 + PROGRESS_SECONDS)
        assert board.shown is not None

    at_a_board(scenario)


def test_the_more_devices_may_listen_the_more_rarely_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_notice, "DEVICES_PER_SECOND", 0.5)

    def scenario(board: Board) -> None:
        board.notice.follow(with_devices(5), 100.0)
        board.notice.follow(with_devices(4), 100.0 + PROGRESS_SECONDS)
        assert board.notice.next_deadline == 110.0

    at_a_board(scenario)
