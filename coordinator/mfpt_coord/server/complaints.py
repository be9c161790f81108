"""What the log says while nothing can be saved: at once, and then once a minute unless the reason changes."""

import logging
import math
from typing import Final

REPEAT_SECONDS: Final = 60.0

_log = logging.getLogger(__name__)


class Complaints:
    """Complains of commits that fail, and says when they succeed again."""

    def __init__(self) -> None:
        """Begin with nothing to complain of."""
        self._reason = ""
        self._again = -math.inf

    def failed(self, reason: str, now: float) -> None:
        """Complain of a commit that failed, unless that was done a moment ago.

        Args:
            reason: What happened and what to do, in words.
            now: Seconds.
        """
        if reason == self._reason and now < self._again:
            return
        self._reason, self._again = reason, now + REPEAT_SECONDS
        _log.error("nothing is accepted until the state can be saved, and devices keep their updates: %s", reason)

    def succeeded(self) -> None:
        """Say that commits succeed again, if they did not."""
        if self._reason:
            self._reason = ""
            _log.warning("the state can be saved again")
