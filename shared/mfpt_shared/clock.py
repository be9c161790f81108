"""A clock for durations and deadlines that are Unix times as well: it never jumps, whatever becomes of the wall clock.

The wall clock of a machine may be set back by an hour or forward by a year while a program runs: a deadline would then
stand still, or be over at once. It tells the time for people and for messages. Whatever waits looks at this one.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

Clock = Callable[[], float]
"""Tells a time in seconds."""


@dataclass(frozen=True, slots=True)
class SteadyClock:
    """Unix seconds as the wall clock had them when this clock was made, and as much more as has passed since.

    Attributes:
        wall: Unix seconds, which may jump; looked at once.
        monotonic: Seconds since some time, which never jump.
    """

    wall: Clock = time.time
    monotonic: Clock = time.monotonic
    _origin: float = field(init=False)

    def __post_init__(self) -> None:
        """Look at the wall clock."""
        object.__setattr__(self, "_origin", self.wall() - self.monotonic())

    def __call__(self) -> float:
        """Return the time."""
        return self._origin + self.monotonic()
