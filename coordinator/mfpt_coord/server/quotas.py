"""How much anybody may send: numbers of messages, looked at before any signature is checked."""

from dataclasses import dataclass
from typing import Final

# A device sends a message every few seconds; a benchmark without training some hundred a second.
BURST: Final = 2000.0
PER_SECOND: Final = 200.0
# All senders together that are not known yet: a village that joins at once, and no more.
STRANGERS_BURST: Final = 40_000.0
STRANGERS_PER_SECOND: Final = 4000.0


@dataclass(slots=True)
class Bucket:
    """A token bucket: `burst` messages at once, and `per_second` in the long run.

    Attributes:
        level: Messages that may come at once.
        at: When that was so, seconds on any clock.
    """

    burst: float
    per_second: float
    level: float
    at: float

    def take(self, now: float) -> bool:
        """Count a message; tell whether it was within the quota."""
        # A clock that is set back gives nothing and takes nothing.
        self.level = min(self.burst, self.level + max(0.0, now - self.at) * self.per_second)
        self.at = now
        if self.level < 1:
            return False
        self.level -= 1
        return True


class Quotas:
    """A bucket for every known sender, and one for all others together, whatever names they invent."""

    def __init__(self) -> None:
        """Begin with full buckets."""
        self._buckets: dict[str, Bucket] = {}
        self._strangers = Bucket(STRANGERS_BURST, STRANGERS_PER_SECOND, STRANGERS_BURST, 0.0)

    def allows(self, sender: str, now: float, *, is_known: bool) -> bool:
        """Count a message; tell whether its sender may send it.

        Args:
            sender: Id of the device, or user name of the invitation.
            now: Seconds on any clock.
            is_known: Whether the device was admitted, or there is such an invitation.
        """
        if not is_known:
            return self._strangers.take(now)
        bucket = self._buckets.get(sender)
        if bucket is None:
            bucket = self._buckets[sender] = Bucket(BURST, PER_SECOND, BURST, now)
        return bucket.take(now)
