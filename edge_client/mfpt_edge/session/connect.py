"""The first connection to the broker, retried with growing pauses.

A connection that is lost later is mended by the transport; what the device does meanwhile is in `core.machine`
(`BrokerLost`), and when it gives up in `lost_connection`.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from mfpt_shared.errors import AuthenticationFailed, ConnectionFailed, TimedOut, WrongCertificate
from mfpt_shared.transport.base import Transport

FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 30.0
REFUSED_PAUSES: Final = (1.0, 2.0)
"""Seconds before a login that was refused is tried again. A broker whose logins are decided by the coordinator refuses
everybody until the coordinator has started."""

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
    attempt, pause, refusals = 1, FIRST_PAUSE_SECONDS, iter(REFUSED_PAUSES)
    while True:
        try:
            await transport.connect()
        except WrongCertificate:
            raise
        except AuthenticationFailed as error:
            if (wait := next(refusals, None)) is None:
                raise
            _log.debug("%s; trying again", error)
            await sleep(wait)
            continue
        except (ConnectionFailed, TimedOut) as error:
            if attempts is not None and attempt >= attempts:
                tried = "1 attempt" if attempt == 1 else f"{attempt} attempts"
                advice = "is `mfpt-coord serve` running there? (--retry forever keeps trying)"
                raise type(error)(f"{error} ({tried}); {advice}") from error
            if attempt == 1:
                _log.info("%s; trying again", error)
        else:
            return
        await sleep(pause)
        attempt, pause = attempt + 1, min(2 * pause, LONGEST_PAUSE_SECONDS)
