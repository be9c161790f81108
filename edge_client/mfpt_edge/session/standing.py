"""What a device waits for, told to the person before it: at once on the panel, after a while in the log.

What lasts is told again, each time after twice as long, and the same thing never twice within a minute.
"""

import logging
import math
import time
from collections.abc import Callable
from typing import Final

from mfpt_edge.core.events import Event
from mfpt_edge.core.state import State
from mfpt_edge.core.wait_words import Place, Wait, in_words
from mfpt_edge.core.waits import ANSWER_SECONDS, Facts, is_unheard, noted

FIRST_SECONDS: Final = 10.0
"""Time after which the log says what the device waits for."""
AGAIN_SECONDS: Final = 60.0
"""Time after which it says so again; then twice as long after each time, up to..."""
LONGEST_PAUSE_SECONDS: Final = 600.0
"""...this."""
ASK_SECONDS: Final = 3.0
"""Time after which a device that waits for others asks how far they are."""
_FOR_OTHERS: Final = ("turn", "others")
_TOLD_ELSEWHERE: Final = ("listening", "over")
"""What the core tells itself as it begins."""

_log = logging.getLogger(__name__)


class Standing:
    """Follows a device, and says what it waits for.

    Attributes:
        wait: What the device waits for, in words; None: nothing.
        since: Since when, by the clock that people see, Unix seconds.
    """

    def __init__(self, place: Place, state: State, wall: Callable[[], float]) -> None:
        """Begin with a device that has just been started.

        Args:
            place: Where it takes part.
            state: Its state.
            wall: Unix seconds, by the clock that people see.
        """
        self.wait: Wait | None = None
        self.since = 0.0
        self._place = place
        self._state = state
        self._wall = wall
        self._facts = Facts()
        self._held = ""
        self._held_since = 0.0
        self._at = 0.0
        self._longest = 0
        self._told: dict[str, float] = {}
        self._pauses: dict[str, float] = {}

    @property
    def wants_progress(self) -> bool:
        """Whether the device waits for others, and has done so for long enough to ask how far they are."""
        return self._facts.kind in _FOR_OTHERS and self._at >= self._facts.since + ASK_SECONDS

    @property
    def next_deadline(self) -> float:
        """When there is something to ask or to tell, Unix seconds; infinity while the device waits for nothing."""
        if self.wait is None:
            return math.inf
        deadlines = [self._tell_at(self.wait)]
        if self._facts.kind in _FOR_OTHERS and not self.wants_progress:
            deadlines.append(self._facts.since + ASK_SECONDS)
        if self._facts.due_since is not None and not is_unheard(self._facts, self._at):
            deadlines.append(self._facts.due_since + ANSWER_SECONDS)
        return min(deadlines)

    def follow(self, event: Event, state: State, longest: int) -> None:
        """Note what happened.

        Args:
            event: What happened.
            state: The device's state after it.
            longest: Length of the longest message that the device has sent, bytes.
        """
        before = self._facts.kind
        self._at, self._state, self._longest = event.at, state, longest
        self._facts = noted(self._facts, event, state)
        if self._facts.kind != before:
            self._pauses.clear()
        self._put_in_words()

    def hold(self, why: str, at: float) -> None:
        """Note what holds the device up on its own machine, in words, since a time; empty words: nothing does."""
        if why and not self._held:
            self._held_since = at
        self._held = why
        self._put_in_words()

    def tell_if_due(self) -> None:
        """Say in the log what the device waits for, if it has waited for long enough."""
        wait = self.wait
        if wait is None or self._at < self._tell_at(wait):
            return
        _log.log(logging.WARNING if wait.is_trouble else logging.INFO, "%s", wait)
        self._told[wait.name] = self._at
        self._pauses[wait.name] = min(2 * self._pauses.get(wait.name, AGAIN_SECONDS / 2), LONGEST_PAUSE_SECONDS)

    def _tell_at(self, wait: Wait) -> float:
        if wait.name in _TOLD_ELSEWHERE:
            return math.inf
        pause = self._pauses.get(wait.name, AGAIN_SECONDS)
        return max(self._began + FIRST_SECONDS, self._told.get(wait.name, -math.inf) + pause)

    @property
    def _began(self) -> float:
        return self._held_since if self._held else self._facts.since

    def _put_in_words(self) -> None:
        now = self._wall()
        self.since = now - (self._at - self._began)
        since = as_people_read_it(self.since, now)
        if self._held:
            self.wait = Wait("disk", f"{self._held} since {since}", "make room; it is kept in memory until then", True)
            return
        self.wait = in_words(
            *(self._state, self._facts, self._place),
            at=self._at,
            since=since,
            longest=self._longest,
        )


def as_people_read_it(moment: float, now: float) -> str:
    """Return a time of today as `14:02`, any other with its date; both are Unix seconds."""
    then, today = time.localtime(moment), time.localtime(now)
    is_today = then[:3] == today[:3]
    return time.strftime("%H:%M" if is_today else "%Y-%m-%d %H:%M", then)
