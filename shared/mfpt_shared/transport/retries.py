"""The first connection to a broker, retried with growing pauses.

A connection that is lost later is mended by the transport.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from mfpt_shared.errors import ConnectionFailed, TimedOut, UsageError
from mfpt_shared.transport.base import Transport

FOREVER: Final = "forever"
FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 30.0
LOG_SECONDS: Final = 60.0
"""Pauses after which a line says that it is still being tried."""

_log = logging.getLogger(__name__)


async def connect(
    transport: Transport, attempts: int | None, sleep: Callable[[float], Awaitable[None]], advice: str
) -> None:
    """Connect, with pauses between attempts that double.

    Args:
        transport: Connection that is not connected yet.
        attempts: Attempts before giving up; None: never give up.
        sleep: Waits, in seconds.
        advice: What to look at if all attempts failed.

    Raises:
        ConnectionFailed: All attempts failed; the message has the last reason.
        TimedOut: All attempts failed, the last by a timeout.
        AuthenticationFailed: The broker refused the credentials, or has the wrong certificate; trying again would not
            help.
    """
    attempt, pause, unsaid = 1, FIRST_PAUSE_SECONDS, LOG_SECONDS
    while True:
        try:
            await transport.connect()
        except (ConnectionFailed, TimedOut) as error:
            if attempts is not None and attempt >= attempts:
                tried = "1 attempt" if attempt == 1 else f"{attempt} attempts"
                raise type(error)(f"{error} ({tried}); {advice} (--retry {FOREVER} keeps trying)") from error
            if unsaid >= LOG_SECONDS:
                _log.info("%s; trying again", error)
                unsaid = 0.0
        else:
            if attempt > 1:
                _log.info("the broker is there, after %d attempts", attempt)
            return
        await sleep(pause)
        attempt, pause, unsaid = attempt + 1, min(2 * pause, LONGEST_PAUSE_SECONDS), unsaid + pause


def parse_attempts(text: str) -> int | None:
    """Return what `--retry` means; None: never give up.

    Raises:
        UsageError: It is neither a number nor `forever`.
    """
    if text == FOREVER:
        return None
    if not text.isdecimal():
        raise UsageError(f"--retry {text!r}: give a number of attempts, or '{FOREVER}'")
    return int(text)
