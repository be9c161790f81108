"""The first connection to a broker that refuses the login: once may be bad luck, three times is not."""

import asyncio

import pytest

from mfpt_edge.session.connect import REFUSED_PAUSES, connect_with_retries
from mfpt_shared.errors import AuthenticationFailed, MfptError, WrongCertificate
from support.reluctant import Reluctant


def pauses_until_connected(*errors: MfptError, attempts: int | None = 1) -> list[float]:
    pauses: list[float] = []

    async def note(seconds: float) -> None:
        pauses.append(seconds)

    async def scenario() -> None:
        transport = Reluctant(*errors)
        await connect_with_retries(transport, attempts, note)
        await transport.close()

    asyncio.run(scenario())
    return pauses


@pytest.mark.parametrize("refusals", [1, 2])
def test_a_login_that_is_refused_at_first_and_accepted_later_is_no_failure(refusals: int) -> None:
    """As at a broker that has started before the service that decides about logins."""
    errors = [AuthenticationFailed("not yet")] * refusals
    assert pauses_until_connected(*errors) == [*REFUSED_PAUSES[:refusals]]


def test_a_login_that_stays_refused_is_believed_even_by_who_tries_for_ever() -> None:
    with pytest.raises(AuthenticationFailed, match="third"):
        pauses_until_connected(*map(AuthenticationFailed, ("first", "second", "third", "fourth")), attempts=None)


def test_another_broker_than_was_meant_is_tried_once() -> None:
    with pytest.raises(WrongCertificate, match="first"):
        pauses_until_connected(WrongCertificate("first"), AuthenticationFailed("second"))
