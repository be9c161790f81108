"""When a device gives up to reach its broker again: it is not wanted any more, or nobody has been there for long."""

import logging
import math
from dataclasses import dataclass, field
from typing import Final

from mfpt_shared.errors import AuthenticationFailed, ConnectionFailed
from mfpt_shared.transport.address import PASSWORD_VARIABLE
from mfpt_shared.transport.base import Disconnected

REFUSALS: Final = 3
"""Refused logins, one after the other, after which the device believes that it is not wanted..."""
REFUSED_SECONDS: Final = 5.0
"""...if they took at least so long: where logins are decided by a service, a broker that starts refuses everybody."""
MEMBER: Final = (
    "the broker no longer accepts this device's credentials; it may have been revoked: ask for a new invitation"
)
INVITED: Final = "the broker does not accept this invitation any more: get a new one"
ANYBODY: Final = (
    f"the broker no longer accepts these credentials; was its password changed? Give the new one in {PASSWORD_VARIABLE}"
)
AGAIN_SECONDS: Final = 60.0
"""Time before the same reason is told again: some brokers end every connection after a moment."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class LostConnection:
    """What has become of the attempts to reconnect, which the transport makes.

    Attributes:
        unwanted: What a person is told who is not wanted any more.
        retries: Failed attempts after which it gives up; None: it never does.
        refusals: Refused logins in a row.
        refused_since: When the first of them was refused, seconds.
        reason: Why the last attempt failed.
        told: When each reason was last told, seconds.
        is_told: Whether the last one was.
    """

    unwanted: str
    retries: int | None = None
    refusals: int = 0
    refused_since: float = math.inf
    reason: str = ""
    told: dict[str, float] = field(default_factory=dict)
    is_told: bool = False

    def mended(self) -> None:
        """Note that the connection is up, and say so to whoever was told that it was lost."""
        if self.is_told:
            _log.warning("the broker is there again")
        self.refusals, self.refused_since, self.reason, self.is_told = 0, math.inf, "", False

    def note(self, lost: Disconnected, at: float) -> None:
        """Note that the connection was lost or an attempt failed, and tell the person at the device why, once.

        Args:
            lost: What the transport says.
            at: Time, seconds.

        Raises:
            AuthenticationFailed: The broker does not accept this device any more.
            ConnectionFailed: There were as many attempts as there may be.
        """
        self.refusals = self.refusals + 1 if lost.refused else 0
        self.refused_since = min(self.refused_since, at) if lost.refused else math.inf
        if self.refusals >= REFUSALS and at - self.refused_since >= REFUSED_SECONDS:
            raise AuthenticationFailed(self.unwanted)
        if lost.reason != self.reason and at >= self.told.get(lost.reason, -math.inf) + AGAIN_SECONDS:
            self.told[lost.reason], self.is_told = at, True
            what = "lost the connection to the broker" if not self.reason else "no connection yet"
            _log.warning("%s (%s); reconnecting, nothing is lost", what, lost.reason)
        self.reason = lost.reason
        if self.retries is not None and lost.attempts >= self.retries:
            raise ConnectionFailed(f"the broker is gone ({lost.reason}), {lost.attempts} attempts to reconnect failed")
