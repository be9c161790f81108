"""Whether the broker delivers: the coordinator publishes a beat every second, and listens for it.

A broker may take messages, confirm them, and deliver nothing: after its disk was full, or with a damaged folder, or
while its process hangs. It says itself that all is well, and keeps the connection. Only a message of one's own that
comes back shows that it delivers.

The first beat of a connection is as long as the longest message of the federation, because some brokers pass only
shorter ones.
"""

import math
from dataclasses import dataclass
from typing import Final

BEAT_SECONDS: Final = 1.0
DEAF_BEATS: Final = 10
"""Beats in a row that have not come back, after which the broker counts as deaf."""
OUT_SECONDS: Final = 60.0
"""Time without a connection after which the broker counts as deaf; longer than any pause between two attempts."""
CUTS: Final = 3
"""Connections in a row that ended before their first, long beat came back, after which its length is to blame."""

OVERTAKEN: Final = 3
"""Later beats that came back while the first, long one did not, after which its length is to blame."""


@dataclass(frozen=True, slots=True)
class SendBeat:
    """A beat is due.

    Attributes:
        number: Its number in this run of the coordinator.
        size: Least size of its payload, bytes; 0: as short as it is.
    """

    number: int
    size: int


@dataclass(frozen=True, slots=True)
class Deaf:
    """The broker does not deliver.

    Attributes:
        times: How often this was found since the broker last delivered, from 1.
        connected: Whether it is at least connected.
    """

    times: int
    connected: bool


@dataclass(frozen=True, slots=True)
class TooLong:
    """The broker passes beats, but none that is as long as the longest message of the federation.

    Attributes:
        size: Length, bytes.
    """

    size: int


Verdict = SendBeat | Deaf | TooLong


@dataclass(slots=True)
class Pulse:
    """What the coordinator has sent and heard. Times are in seconds, by any clock that does not jump.

    Attributes:
        size: Length of the longest message of the federation, bytes.
        next_deadline: When there is something to do.
    """

    size: int
    next_deadline: float = math.inf
    _connected: bool = False
    _number: int = 0
    _first: int = 0
    _unheard: int = 0
    _deaf: int = 0
    _cuts: int = 0
    _overtaken: int = 0
    _long_unheard: bool = False
    _told: bool = False

    def connected(self, at: float) -> None:
        """Note that the connection is up; the first beat is due."""
        self._connected, self.next_deadline = True, at
        self._first, self._unheard, self._long_unheard, self._overtaken = self._number + 1, 0, False, 0

    def lost(self, at: float) -> None:
        """Note that the connection is down."""
        if not self._connected:
            return  # another attempt that failed
        self._connected, self.next_deadline = False, at + OUT_SECONDS
        self._cuts = self._cuts + 1 if self._long_unheard else 0

    def heard(self, number: int) -> None:
        """Note that a beat of this run has come back."""
        self._unheard = self._deaf = 0
        if number == self._first:
            self._long_unheard, self._overtaken, self._cuts, self._told = False, 0, 0, False
        elif self._long_unheard:
            self._overtaken += 1

    def due(self, at: float) -> Verdict | None:
        """Return what is to be done now; None: nothing."""
        if self._is_too_long() and not self._told:
            self._told = True
            return TooLong(self.size)
        if at < self.next_deadline:
            return None
        if not self._connected:
            self.next_deadline = at + OUT_SECONDS
            return self._found_deaf()
        self.next_deadline = at + BEAT_SECONDS
        if self._unheard >= DEAF_BEATS:
            self._unheard = 0
            return self._found_deaf()
        return self._beat()

    def _is_too_long(self) -> bool:
        return self._overtaken >= OVERTAKEN or self._cuts >= CUTS

    def _beat(self) -> SendBeat:
        self._number, self._unheard = self._number + 1, self._unheard + 1
        if self._number > self._first:
            return SendBeat(self._number, 0)
        self._long_unheard = True
        return SendBeat(self._number, self.size)

    def _found_deaf(self) -> Deaf:
        self._deaf += 1
        return Deaf(self._deaf, self._connected)
