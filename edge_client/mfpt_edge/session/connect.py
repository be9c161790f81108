"""The first connection to the broker, retried with growing pauses.

A connection that is lost later is mended by the transport; what the device does meanwhile is in `core.machine`
(`BrokerLost`), and when it gives up in `lost_connection`.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from mfpt_shared.errors import AuthenticationFailed, WrongCertificate
from mfpt_shared.transport.base import Transport
from mfpt_shared.transport.retries import connect

REFUSED_PAUSES: Final = (1.0, 2.0)
"""Seconds before a login that was refused is tried again. A broker whose logins are decided by a service may refuse
everybody until that has started."""
_ADVICE: Final = "is `mfpt-coord serve` running there?"

_log = logging.getLogger(__name__)


async def connect_with_retries(
    transport: Transport, attempts: int | None, sleep: Callable[[float], Awaitable[None]]
) -> None:
    """Connect, with pauses between attempts that double.

    Args:
        transport: Connection that is not connected yet.
        attempts: Attempts before giving up; None: never give up.
        sleep: Waits, in seconds.

    Raises:
        ConnectionFailed: All attempts failed; the message has the last reason.
        TimedOut: All attempts failed, the last by a timeout.
        WrongCertificate: The broker is another one than was asked for; trying again would not help.
        AuthenticationFailed: The broker refused the credentials, several times.
    """
    for pause in REFUSED_PAUSES:
        try:
            return await connect(transport, attempts, sleep, _ADVICE)
        except WrongCertificate:
            raise
        except AuthenticationFailed as error:
            _log.debug("%s; trying again", error)  # people are told if it lasts
        await sleep(pause)
    return await connect(transport, attempts, sleep, _ADVICE)
