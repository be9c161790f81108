"""What was refused before it reached a core, by reason: counted, and told to people now and then."""

import logging
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Final, Literal

LOG_SECONDS: Final = 60.0

Reason = Literal["damaged", "too large", "too many", "uninvited", "forged", "replayed", "full"]
"""damaged: not a message of the protocol, or not signed; uninvited: from nobody who was admitted; forged: signed by
another key than the sender's; replayed: it came before, or later ones did; too large, too many: over a quota; full:
there are too many devices already."""

_OF_A_DEVICE: Final = re.compile(r"[^/]+/[^/]+/client/([^/]{1,64})/")
"""Topics of a device, whose id is in it."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Refusals:
    """Numbers of messages that changed nothing.

    Attributes:
        counts: Number by reason, since the start.
    """

    counts: Counter[str] = field(default_factory=Counter)
    _told: dict[str, tuple[float, int]] = field(default_factory=dict)

    def note(self, reason: Reason, topic: str, detail: str, now: float) -> None:
        """Count a message, and log a line unless this reason had one a moment ago.

        Args:
            reason: Why it was refused.
            topic: Topic on which it came.
            detail: What is wrong with it, in words.
            now: Unix seconds.
        """
        self.counts[reason] += 1
        at, told = self._told.get(reason, (float("-inf"), 0))
        if now < at + LOG_SECONDS:
            return
        more = self.counts[reason] - told - 1
        also = f" ({more} more like it before)" if more else ""
        sender = _OF_A_DEVICE.match(topic)
        about = {} if sender is None else {"device": sender[1]}
        _log.warning("ignored a message on %s, %s: %s%s", topic[:200], reason, detail, also, extra=about)
        self._told[reason] = (now, self.counts[reason])
