"""What a person is told of a connection that is lost."""

import pytest

from mfpt_edge.session.lost_connection import AGAIN_SECONDS, ANYBODY, LostConnection
from mfpt_shared.transport.base import Disconnected


def test_a_broker_that_ends_every_connection_is_told_of_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    lost = LostConnection(ANYBODY)
    for second in range(round(2 * AGAIN_SECONDS)):
        lost.note(Disconnected("connection lost", 0), float(second))
        lost.mended()
    assert [record.message.partition(" (")[0] for record in caplog.records] == 2 * [
        "lost the connection to the broker", "the broker is there again",
    ]  # fmt: skip


def test_another_reason_is_told_at_once(caplog: pytest.LogCaptureFixture) -> None:
    lost = LostConnection(ANYBODY)
    for reason in ("connection lost", "connection lost", "connection refused"):
        lost.note(Disconnected(reason, 1), 1.0)
    assert [record.message for record in caplog.records] == [
        "lost the connection to the broker (connection lost); reconnecting, nothing is lost",
        "no connection yet (connection refused); reconnecting, nothing is lost",
    ]
