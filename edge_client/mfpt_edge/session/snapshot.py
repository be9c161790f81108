"""What a device has to say: a snapshot while it runs, a result when it ends."""

from dataclasses import dataclass
from typing import Literal

from mfpt_shared.protocol.messages import Phase


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the terminal shows.

    Attributes:
        link: whether broker and coordinator are there.
        rounds_wanted: None: without end.
        loss: of the newest training step.
        losses: mean training loss of each round so far.
        accuracies: validation accuracy of each prompt that was received and measured.
        staleness: of the last acknowledged update; None before the first.
        seconds_left: estimate; None if unknown.
    """

    link: Literal["connecting", "no coordinator", "connected", "reconnecting"] = "connecting"
    language: str = ""
    phase: Phase = "preparing"
    progress: float = 0.0
    version: int | None = None
    rounds: int = 0
    rounds_wanted: int | None = None
    loss: float | None = None
    losses: tuple[float, ...] = ()
    accuracies: tuple[float, ...] = ()
    staleness: int | None = None
    bytes_up: int = 0
    bytes_down: int = 0
    seconds_left: float | None = None
