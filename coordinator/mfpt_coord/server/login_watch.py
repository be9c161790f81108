"""How many logins the broker refused: since the start, and in the last hour."""

from collections import deque
from typing import Final

from mfpt_coord.access.accounts import Credentials

WATCHED_SECONDS: Final = 3600.0
STEP_SECONDS: Final = 60.0
"""Shortest time between two numbers that are kept."""


class LoginWatch:
    """Watches the logins that a broker refused."""

    def __init__(self, credentials: Credentials | None) -> None:
        """Watch the accounts of a broker; None: it has none that the coordinator keeps, and nothing is known."""
        self._credentials = credentials
        self._seen: deque[tuple[float, int]] = deque([(float("-inf"), 0)])

    @property
    def total(self) -> int:
        """Number of refused logins since the start."""
        return 0 if self._credentials is None else self._credentials.failed_logins

    def last_hour(self, now: float) -> int:
        """Return how many were refused in the last hour, or a minute more; `now` is in seconds."""
        while len(self._seen) > 1 and self._seen[1][0] <= now - WATCHED_SECONDS:
            self._seen.popleft()
        total = self.total
        if now >= self._seen[-1][0] + STEP_SECONDS:
            self._seen.append((now, total))
        return total - self._seen[0][1]
