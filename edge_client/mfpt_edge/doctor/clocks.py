"""Check of the clock: against the coordinator's, or a web server's on the way, or what was said in the past."""

import time
from dataclasses import dataclass
from datetime import timedelta

from mfpt_edge.doctor.examination import Answer, ok, skipped, warning
from mfpt_edge.doctor.heard import Heard
from mfpt_edge.doctor.way import Way
from mfpt_edge.session.clock import CLOCK_SECONDS
from mfpt_shared.clock import Clock


@dataclass(frozen=True, slots=True)
class Clocks:
    """Compares clocks.

    Attributes:
        heard: What the broker has told; None: nobody was asked.
        way: The way to the broker; a certificate on it has dates.
        wall: Clock of this machine, Unix seconds.
    """

    heard: Heard | None
    way: Way
    wall: Clock = time.time

    async def __call__(self) -> Answer:
        """See Look."""
        if self.heard is not None and self.heard.beat is not None:
            return compared(self.heard.beat_at - self.heard.beat.at)
        said = await self.way.time_of_web_server()
        if said is not None:
            return compared(self.wall() - said, "the server")
        # A clock that shows less than what is over is behind; one that is ahead cannot be told by this.
        now, past = self.wall(), self._past()
        return compared(now - past) if past > now + CLOCK_SECONDS else skipped("nobody has told the time")

    def _past(self) -> float:
        """Return the newest time that is over for sure, Unix seconds; 0: none is known."""
        state = None if self.heard is None else self.heard.state
        begun = 0.0 if self.way.encrypted is None else self.way.encrypted.begins.timestamp()
        return max(begun, 0.0 if state is None else state.at)


def compared(ahead: float, whose: str = "the coordinator") -> Answer:
    """Return what it means that this machine's clock is so far ahead of another one, seconds."""
    off, side = timedelta(seconds=round(abs(ahead))), "ahead of" if ahead > 0 else "behind"
    if abs(ahead) <= CLOCK_SECONDS:
        return ok(f"as {whose}'s" if abs(ahead) < 1 else f"{off} {side} {whose}'s")
    return warning(
        f"this device's clock is {off} {side} {whose}'s",
        "set it: this device takes part all the same, but certificates of CAs may be refused",
    )
