"""Quotas, and how refused messages are told."""

import logging

import pytest

from mfpt_coord.server.quotas import BURST, PER_SECOND, STRANGERS_BURST, Quotas
from mfpt_shared.refusals import LOG_SECONDS, Refusals


def taken(quotas: Quotas, times: int, now: float, sender: str = "d1", *, is_known: bool = True) -> int:
    return sum(quotas.allows(sender, now, is_known=is_known) for _ in range(times))


def test_a_sender_may_send_so_many_at_once_and_then_so_many_a_second() -> None:
    quotas = Quotas()
    assert taken(quotas, int(BURST) + 50, now=100.0) == BURST
    assert taken(quotas, 1000, now=101.0) == PER_SECOND
    assert taken(quotas, int(BURST) + 50, now=10_000.0) == BURST


def test_a_clock_that_is_set_back_neither_gives_nor_takes() -> None:
    quotas = Quotas()
    taken(quotas, int(BURST), now=100.0)
    assert taken(quotas, 10, now=50.0) == 0
    assert taken(quotas, 1000, now=51.0) == PER_SECOND


def test_strangers_share_one_quota_whatever_names_they_invent() -> None:
    quotas = Quotas()
    wanted = int(STRANGERS_BURST) + 10
    got = sum(quotas.allows(f"invented-{number}", 100.0, is_known=False) for number in range(wanted))
    assert got == STRANGERS_BURST
    assert quotas.allows("d1", 100.0, is_known=True)


def test_each_reason_is_told_at_most_once_a_minute_with_how_many_there_were(
    caplog: pytest.LogCaptureFixture,
) -> None:
    refusals = Refusals()
    with caplog.at_level(logging.WARNING):
        for second in range(10):
            refusals.note("forged", "a/topic", "signed by somebody else", second)
        refusals.note("damaged", "a/topic", "nonsense", 10.0)
        refusals.note("forged", "a/topic", "signed by somebody else", LOG_SECONDS)
    assert [record.getMessage() for record in caplog.records] == [
        "ignored a message on a/topic, forged: signed by somebody else",
        "ignored a message on a/topic, damaged: nonsense",
        "ignored a message on a/topic, forged: signed by somebody else (9 more like it before)",
    ]
    assert refusals.counts == {"forged": 11, "damaged": 1}
