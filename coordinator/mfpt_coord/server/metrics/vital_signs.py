"""How a coordinator is at one moment: taken in its event loop, looked at anywhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from mfpt_coord.core.state import State

Check = Literal["broker", "leadership", "store"]
CHECKS: Final[tuple[Check, ...]] = ("broker", "leadership", "store")

WAITING: Final = "it starts, waits for its broker, or stands by while another coordinator is at work"


@dataclass(frozen=True, slots=True)
class VitalSigns:
    """How a coordinator is.

    Attributes:
        state: What it knows; it is immutable.
        started: When it started, Unix seconds.
        at: Now, by the clock of the state's times.
        delivers: Whether the broker is connected, and the newest beats have come back from it.
        round_trip: Time in which the newest beat came back, seconds; None: none has, on this connection.
        in_place: Whether its own messages are those that the broker keeps, as far as it has heard.
        saves: Whether the last commit succeeded.
        orders: Number of the operator's orders that wait.
        unsaved: Number of events that wait because they could not be saved.
        refused: Reason -> number of messages that changed nothing.
        failed_logins: Number of logins at the broker that failed.
        recent_logins: The same for the last hour.
    """

    state: State
    started: float
    at: float
    delivers: bool
    round_trip: float | None
    in_place: bool
    saves: bool
    orders: int
    unsaved: int
    refused: Mapping[str, int]
    failed_logins: int
    recent_logins: int = 0

    @property
    def problems(self) -> dict[Check, str]:
        """What keeps it from serving devices, in words; empty: nothing."""
        found: dict[Check, str] = {}
        if not self.delivers:
            found["broker"] = "the broker is not connected, or does not deliver"
        if not self.in_place:
            found["leadership"] = "something else has taken the place of this coordinator's messages"
        if not self.saves:
            found["store"] = "the state cannot be saved: is the disk full? The log says more"
        return found
