"""What a device has to say: a snapshot while it runs, a result when it ends."""

from dataclasses import dataclass
from typing import Literal

import msgspec

from mfpt_shared.messages import Phase
from mfpt_shared.rounds import Origin


class JoinResult(msgspec.Struct, frozen=True, kw_only=True):
    """What `mfpt-edge join` ends with. Accuracies are those on the test examples, in 0..1; None if there are none.

    Of a task that generates, the accuracy is the share of completions that would be written just as expected.

    Attributes:
        accuracy_before: with the first prompt that came.
        accuracy_after: with the newest prompt of the federation.
        kept: which prompt did best on the device's validation examples and is used from now on: the federation's
            newest, or one that the device tuned itself.
        accuracy_kept: with that one.
        accuracy_alone: after as many epochs from the first prompt on this device's examples only.
        losses: mean training loss of each round.
        bytes_up: payloads and topics that were sent.
        seconds: from the start to the end of the federation's part; `accuracy_alone` is computed after that.
    """

    language: str
    rounds: int
    version: int
    accuracy_alone: float | None
    accuracy_before: float | None
    accuracy_after: float | None
    kept: Origin
    accuracy_kept: float | None
    examples: int
    test_examples: int
    losses: tuple[float, ...]
    bytes_up: int
    bytes_down: int
    peak_rss_bytes: int
    seconds: float


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
