"""Whether the broker delivers: the coordinator publishes a beat every second, and listens for it.

A broker may take messages, confirm them, and deliver nothing: after its disk was full, or with a damaged folder, or
while its process hangs. It says itself that all is well. Only a message of one's own that comes back shows that it
delivers.

The first beat of a connection is as long as the longest message of the federation, because some brokers pass only
shorter ones. It travels with QoS 0, so that a broker that cuts the connection at it is not sent it again at the next.
"""

import math
from dataclasses import dataclass
from typing import Final

BEAT_SECONDS: Final = 1.0
DEAF_BEATS: Final = 10
"""Beats in a row that have not come back, after which the broker counts as deaf."""
MOST_DOUBLINGS: Final = 3
"""How often that number doubles, once for each time in a row that the broker was found deaf."""
OUT_SECONDS: Final = 60.0
"""Time without a connection after which the broker counts as deaf; longer than any pause between two attempts."""
CUTS: Final = 3
"""Connections in a row that ended before their long beat came back, after which the next begins with a short one."""

LATE_BEATS: Final = 3
"""Beats in a row that have not come back, after which the broker no longer counts as one that delivers."""
OVERTAKEN: Final = 3
"""Short beats that came back while the long one before them did not, after which its length is to blame."""


@dataclass(frozen=True, slots=True)
class SendBeat:
    """A beat is due.

    Attributes:
        number: Its number in this run of the coordinator.
        size: Least size of its payload, bytes; 0 for a short one, which travels with QoS 1.
    """

    number: int
    size: int


@dataclass(frozen=True, slots=True)
class Deaf:
    """The broker does not deliver.

    Attributes:
        times: How often this was found since the broker last delivered, from 1.
        connected: Whether it is at least connected.
        cuts: Whether it ends every connection before the long beat comes back.
    """

    times: int
    connected: bool
    cuts: bool = False


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
    _is_first: bool = True
    _number: int = 0
    _unheard: int = 0
    _deaf: int = 0
    _long: int | None = None
    _overtaken: int = 0
    _cuts: int = 0
    _blamed: bool = False
    _told: bool = False

    @property
    def is_steady(self) -> bool:
        """Whether the connection is up, and the newest beats have come back so far."""
        return self._connected and self._deaf == 0 and self._unheard < LATE_BEATS

    def begin(self, at: float) -> None:
        """Note that a connection is being made."""
        self.next_deadline = at + OUT_SECONDS

    def connected(self, at: float) -> None:
        """Note that the connection is up; the first beat is due, a long one if that makes sense."""
        self._connected, self._is_first, self.next_deadline = True, True, at
        self._long, self._overtaken = None, 0

    def lost(self, at: float) -> None:
        """Note that the connection is down."""
        if self._connected:  # and not another attempt that failed
            self._connected, self.next_deadline = False, at + OUT_SECONDS
            self._cuts += self._long is not None

    def heard(self, number: int) -> None:
        """Note that a beat of this run has come back."""
        if number == self._long:
            self._long, self._overtaken, self._cuts = None, 0, 0
            return  # with QoS 0, it says nothing of what the broker has to store
        self._unheard = self._deaf = 0
        # Earlier beats that the broker has kept come back first: they have overtaken nothing.
        self._overtaken += self._long is not None and number > self._long
        self._blamed = self._blamed or self._overtaken >= OVERTAKEN or self._cuts >= CUTS

    def due(self, at: float) -> Verdict | None:
        """Return what is to be done now; None: nothing."""
        if self._blamed and not self._told:
            self._told = True
            return TooLong(self.size)
        if at < self.next_deadline:
            return None
        self.next_deadline = at + (BEAT_SECONDS if self._connected else OUT_SECONDS)
        # One that is busy with a thousand devices that come back is not helped by another start.
        if not self._connected or self._unheard >= DEAF_BEATS * 2 ** min(self._deaf, MOST_DOUBLINGS):
            self._unheard = 0
            self._deaf += 1
            return Deaf(self._deaf, self._connected, self._cuts >= CUTS)
        self._number += 1
        is_long, self._is_first = self._is_first and self._cuts < CUTS, False
        if is_long:
            self._long = self._number
            return SendBeat(self._number, self.size)
        self._unheard += 1
        return SendBeat(self._number, 0)
