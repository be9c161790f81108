"""The first connection to a broker that is not there yet: how long it is waited for, and what is said meanwhile."""

import asyncio
import logging
import re

import pytest

from mfpt_shared.errors import AuthenticationFailed, ConnectionFailed, MfptError, TimedOut, WrongCertificate
from mfpt_shared.transport.retries import LOG_SECONDS, LONGEST_PAUSE_SECONDS, connect, parse_attempts
from support.reluctant import Reluctant


def pauses_until_connected(*errors: MfptError, attempts: int | None = None) -> list[float]:
    pauses: list[float] = []

    async def note(seconds: float) -> None:
        pauses.append(seconds)

    async def scenario() -> None:
        transport = Reluctant(*errors)
        await connect(transport, attempts, note, "look at the broker")
        await transport.close()

    asyncio.run(scenario())
    return pauses


def test_pauses_double_up_to_the_longest() -> None:
    pauses = pauses_until_connected(*[ConnectionFailed("nobody there")] * 9)

    assert pauses == [0.5, 1, 2, 4, 8, 16, LONGEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS]


def test_a_long_wait_is_told_at_once_and_about_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        pauses = pauses_until_connected(*[TimedOut("no answer")] * 200)

    said = [line for line in caplog.messages if "no answer" in line]
    minutes = sum(pauses) / LOG_SECONDS
    assert minutes / 1.6 <= len(said) <= minutes + 1
    assert caplog.messages[-1] == "the broker is there, after 201 attempts"


def test_after_the_last_attempt_the_reason_comes_with_advice() -> None:
    failure = re.escape("nobody there (2 attempts); look at the broker (--retry forever keeps trying)")
    with pytest.raises(ConnectionFailed, match=failure):
        pauses_until_connected(*[ConnectionFailed("nobody there")] * 3, attempts=2)


@pytest.mark.parametrize("error", [AuthenticationFailed("not you"), WrongCertificate("not the broker")])
def test_what_another_attempt_would_not_change_ends_it_at_once(error: MfptError) -> None:
    with pytest.raises(type(error), match=str(error)):
        pauses_until_connected(error)


@pytest.mark.parametrize(("text", "attempts"), [("forever", None), ("0", 0), ("12", 12)])
def test_retry_takes_a_number_or_forever(text: str, attempts: int | None) -> None:
    assert parse_attempts(text) == attempts
