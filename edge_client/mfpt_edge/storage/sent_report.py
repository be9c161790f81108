"""What has left a device, as its owner is told it."""

from typing import Final

import msgspec

from mfpt_shared.protocol.describing import Part

MOST_SHOWN: Final = 100
"""Messages in one report, beside..."""
MOST_STATES_SHOWN: Final = 20
"""...so many states, of which a device publishes one every two seconds while it trains."""


class SentMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that has left the device.

    Attributes:
        number: Its number among all that ever left, from 1; messages that are not kept any more leave gaps.
        at: When it left, Unix seconds.
        kind: Kind of message: `state`, `ready`, `update` and so on, as in docs/protocol.md; or `last-will`.
        topic: Topic below the federation's.
        bytes: What it took on the wire: full topic, payload, and the packet around them.
        payload_bytes: What the payload took; the parts add up to it.
        parts: What it says.
    """

    number: int
    at: float
    kind: str
    topic: str
    bytes: int
    payload_bytes: int
    parts: tuple[Part, ...] = ()


class SentTotal(msgspec.Struct, frozen=True):
    """How many messages of a kind have left, and how many bytes they took."""

    messages: int = 0
    bytes: int = 0


class SentReport(msgspec.Struct, frozen=True, kw_only=True, tag="sent"):
    """What has left the device.

    Attributes:
        messages: The newest ones after the number that was asked for, oldest first; see `MOST_SHOWN`.
        last: Number of the newest message; 0 before the first.
        since: When the first of all messages left, Unix seconds; None before it.
        totals: Kind of message -> all that ever left, whether they are kept or not.
    """

    messages: tuple[SentMessage, ...] = ()
    last: int = 0
    since: float | None = None
    totals: dict[str, SentTotal] = {}
