"""Whether the device's clock is right. Nothing is refused for a clock: old laptops have dead batteries."""

import logging
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from mfpt_edge.core.events import Event, Told
from mfpt_shared.clock import Clock

CLOCK_SECONDS: Final = 300.0
"""How far the device's clock may be off before somebody is told."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class ClockCheck:
    """Compares clocks, and tells the person at the device once.

    Attributes:
        wall: The clock that people see, Unix seconds. The one by which the device waits stands still while it sleeps.
        told: Whether a warning was given.
    """

    wall: Clock = time.time
    told: bool = False

    def look(self, event: Event) -> None:
        """Compare the clocks if the coordinator has just said something to this device.

        What the broker keeps for everybody may have been said days ago, and shows nothing.
        """
        if self.told or not isinstance(event, Told):
            return
        ahead = self.wall() - event.message.at
        if abs(ahead) <= CLOCK_SECONDS:
            return
        self.told = True
        off, side = timedelta(seconds=round(abs(ahead))), "ahead of" if ahead > 0 else "behind"
        _log.warning("this device's clock is %s %s the coordinator's; it takes part all the same", off, side)
