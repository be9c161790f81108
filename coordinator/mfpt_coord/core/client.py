"""What the coordinator knows of one device."""

import math
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import Phase

GONE_SECONDS: Final = 600.0
"""Time after which a silent device counts as gone. One that is at work or idle speaks every minute; only while it loads
its backbone for the first time may it say nothing for longer."""
FAILURES: Final = 3
"""Versions that a device was assigned, and sent no update for that counts, from which on it only fails."""
SILENT_SECONDS: Final = 60.0
"""A device that is training publishes its state every few seconds, far more often than this."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A device is training from `version`; it keeps one of the places until `deadline` (Unix seconds)."""

    version: int
    since: float
    deadline: float


class Measured(NamedTuple):
    """What a device has told of a version: its accuracy, 0 to 1, on so many held-out examples."""

    version: int
    accuracy: float
    examples: int


@dataclass(frozen=True, slots=True)
class Client:
    """One device.

    Attributes:
        sequence: Number of its last accepted update; the next one has a higher number.
        contributed: Base version of its last accepted update; -1 before the first.
        folded: Number of its updates that went into a version.
        seconds: Time from an assignment to its update, moving average; None before the first.
        ready: Whether it has said, since it last came online, that it can train.
        retry_at: Time before which it is not assigned, because its last update was rejected; Unix seconds.
        session: Session of its last announcement.
        announced: Number of that announcement; assignments name it.
        turn: Number of the last assignment that answered it.
        grants: Versions that it was assigned and has sent no update for yet, in rising order; the newest few.
        let_go: Whether it was told, since it was done, that nobody trains any more.
        measured: What it has told of the newest version that it has measured; None after a restart.
        epsilon: What it says it has spent of its privacy budget; None where it has not said it, or there is no noise.
    """

    id: str
    language: LanguageCode
    examples: int = 0
    sequence: int = 0
    contributed: int = -1
    seconds: float | None = None
    accuracy: float | None = None
    state: Literal["online", "offline"] = "offline"
    ready: bool = False
    phase: Phase = "idle"
    progress: float = 0.0
    device: str = ""
    last_seen: float = 0.0
    retry_at: float = 0.0
    session: int = 0
    announced: int = 0
    turn: int = 0
    grants: tuple[int, ...] = ()
    folded: int = 0
    let_go: bool = False
    epsilon: float | None = None
    assignment: Assignment | None = None
    measured: Measured | None = None

    def is_online(self, at: float) -> bool:
        """Tell whether it is there, as far as anybody knows: it has said so, and not gone silent since.

        A broker that went down together with a device never publishes that device's last will.
        """
        return self.state == "online" and at < self.last_seen + GONE_SECONDS

    @property
    def is_listening(self) -> bool:
        """Whether it is there, makes no more rounds, and was not told that nobody else does.

        It has nothing to say for as long as it listens, so that silence tells nothing.
        """
        return self.state == "online" and self.phase == "done" and not self.let_go

    @property
    def failures(self) -> int:
        """Number of the versions that it was assigned and has given up, or sent an update for that was rejected."""
        return len(self.grants) - (self.assignment is not None)

    @property
    def given_up_at(self) -> float:
        """When it is assigned again although its update is overdue, Unix seconds; not while it is heard from."""
        if self.assignment is None:
            return math.inf
        allowed = self.assignment.deadline - self.assignment.since
        return max(self.assignment.deadline + allowed, self.last_seen + SILENT_SECONDS)

    def is_at_work(self, at: float) -> bool:
        """Tell whether it takes up a place: it is assigned, and not past its deadline."""
        return self.assignment is not None and at < self.assignment.deadline

    def can_start(self, at: float) -> bool:
        """Tell whether it could be assigned a version that it has not trained from, as far as it depends on itself.

        It could be assigned again if it was before and has long been silent.
        """
        if not self.ready or at < self.retry_at:
            return False
        # Nobody is given up before the deadline.
        return self.assignment is None or (at >= self.assignment.deadline and at >= self.given_up_at)

    def next_change(self, at: float) -> float:
        """Return when one of the answers above may be another one if nothing is heard, Unix seconds."""
        times = (self.retry_at, math.inf if self.assignment is None else self.assignment.deadline, self.given_up_at)
        return min((time for time in times if time > at), default=math.inf)
